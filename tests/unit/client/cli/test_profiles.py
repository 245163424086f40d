"""Where server and credentials come from."""

import os
from pathlib import Path

import pytest

from contentserver.client.cli.profiles import BadSettings, find_settings

FILE = """
url = "https://files.example.org"
api_key = "key-of-the-file"

[profiles.test]
url = "https://test.example.org"
api_key = "key-of-the-test"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "contentctl.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def environ(path: Path, **more: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(path.parent), **more}


def test_the_environment_comes_before_the_file(config: Path):
    given = environ(config, CONTENTSERVER_URL="http://a", CONTENTSERVER_API_KEY="k")
    found = find_settings(None, given)
    assert (found["url"], found.get("api_key")) == ("http://a", "k")


def test_a_key_of_the_file_never_travels_to_an_address_of_the_environment(config: Path):
    found = find_settings(None, environ(config, CONTENTSERVER_URL="http://a"))
    assert (found["url"], found.get("api_key")) == ("http://a", None)
    with pytest.raises(BadSettings, match="CONTENTSERVER_URL is missing"):
        find_settings(None, environ(config, CONTENTSERVER_API_KEY="k"))


def test_a_profile_is_whole_for_itself_and_comes_before_the_environment(config: Path):
    found = find_settings("test", environ(config, CONTENTSERVER_URL="http://a"))
    assert (found["url"], found.get("api_key")) == ("https://test.example.org", "key-of-the-test")
    assert find_settings(None, environ(config))["api_key"] == "key-of-the-file"
    with pytest.raises(BadSettings, match=r"no profile 'prod'.*test"):
        find_settings("prod", environ(config))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_file_that_others_may_read_is_refused(config: Path, mode: int):
    config.chmod(mode)
    with pytest.raises(BadSettings, match="chmod 600"):
        find_settings(None, environ(config))


@pytest.mark.parametrize(
    ("text", "said"),
    [('url = "http://a"\napikey = "x"', "apikey"), ("url = 7", "url"), ("url", "no TOML"),
     ('api_key = "x"', "url is missing")],
)  # fmt: skip
def test_a_file_that_says_something_else_is_refused_by_name(config: Path, text: str, said: str):
    config.write_text(text)
    with pytest.raises(BadSettings, match=said):
        find_settings(None, environ(config))


def test_without_anything_it_says_what_to_set(tmp_path: Path):
    with pytest.raises(BadSettings, match="CONTENTSERVER_URL"):
        find_settings(None, environ(tmp_path / "none" / "x"))


def test_a_file_of_somebody_else_is_refused(config: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: config.stat().st_uid + 1)
    os.chown(config, 4711, -1) if config.stat().st_uid == 0 else None
    with pytest.raises(BadSettings, match="somebody else"):
        find_settings(None, environ(config))


def test_whom_it_is_done_for_may_stand_in_the_file_or_be_said(config: Path):
    config.write_text('url = "http://a"\non_behalf_of = "anna"')
    assert find_settings(None, environ(config))["on_behalf_of"] == "anna"
    assert find_settings(None, environ(config), on_behalf_of="bo")["on_behalf_of"] == "bo"
