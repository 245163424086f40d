"""Which checks are made, and that none is left out silently."""

import re
import threading
from collections.abc import Iterable
from typing import Any

import pytest

from contentserver import commit_checks
from contentserver.commit_checks import UnusableCheck, load_checks
from contentserver.conf import Config, read_config
from contentserver.store.errors import CheckUnavailable, Refused
from contentserver.store.metadata import Metadata
from tests.support.plane import REPOSITORY

OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
FILE = Metadata(collection="c", key="k")
HERE = __name__
asked: list[str] = []
A_TEXT = "no check"


def passing(metadata: Metadata, data: Iterable[bytes]) -> None:
    asked.append(f"passing {b''.join(data)!r}")


def refusing(metadata: Metadata, data: Iterable[bytes]) -> None:
    asked.append("refusing")
    raise Refused("no")


def failing(metadata: Metadata, data: Iterable[bytes]) -> None:
    raise CheckUnavailable("away")


class Made:
    """Once, with the configuration."""

    def __init__(self, config: Config) -> None:
        self.institution = config.institution

    def __call__(self, metadata: Metadata, data: Iterable[bytes]) -> None:
        asked.append(f"made for {self.institution}")


class Broken:
    def __init__(self, config: Config) -> None:
        raise ValueError("CONTENTSERVER_OF_MINE is missing")


@pytest.fixture
def naming(monkeypatch):
    asked.clear()
    monkeypatch.setitem(__import__("sys").modules, "the_checks", __import__("sys").modules[HERE])

    def config(*names: str) -> Config:
        monkeypatch.setenv("CONTENTSERVER_COMMIT_CHECKS", ",".join(names))
        return read_config()

    return config


def test_none_is_made_where_none_is_named(naming) -> None:
    assert load_checks(naming()) is None


def test_functions_and_classes_come_in_the_order_of_their_names(naming) -> None:
    check = load_checks(naming("the_checks.Made", "the_checks.passing"))
    assert check is not None
    check(FILE, [b"x"])
    assert asked == ["made for example.org", "passing b'x'"]


def test_the_first_that_refuses_decides(naming) -> None:
    counted: list[tuple[str, str]] = []
    names = ("the_checks.Made", "the_checks.refusing", "the_checks.passing")
    check = load_checks(naming(*names), lambda *what: counted.append(what))
    assert check is not None
    with pytest.raises(Refused):
        check(FILE, [b"x"])
    assert asked == ["made for example.org", "refusing"]
    assert counted == [(names[0], "passed"), (names[1], "refused")]


def test_one_that_cannot_tell_is_counted_as_failed(naming) -> None:
    counted: list[tuple[str, str]] = []
    check = load_checks(naming("the_checks.failing"), lambda *what: counted.append(what))
    assert check is not None
    with pytest.raises(CheckUnavailable):
        check(FILE, [b"x"])
    assert counted == [("the_checks.failing", "failed")]


def test_one_that_hangs_does_not_take_every_thread(naming, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_checks, "AT_ONCE", 2)
    end, begun = threading.Event(), threading.Semaphore(0)

    def hanging(metadata: Metadata, data: Iterable[bytes]) -> None:
        begun.release()
        end.wait(10)

    check = commit_checks._InTurn({"hanging": hanging}, lambda *what: None, patience=0.05)
    threads = [threading.Thread(target=check, args=(FILE, [b"x"])) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert begun.acquire(timeout=5)
    with pytest.raises(CheckUnavailable, match="too many"):
        check(FILE, [b"x"])
    end.set()
    for thread in threads:
        thread.join()
    check(FILE, [b"x"])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("passing", "write module.name"),
        ("the_checks.absent", "AttributeError"),
        ("no_such_package.checks.one", "ModuleNotFoundError"),
        ("the_checks.A_TEXT", "it cannot be called"),
        ("the_checks.Broken", "CONTENTSERVER_OF_MINE is missing"),
        ("contentserver.commit_checks.clamav.ClamAV", "CONTENTSERVER_CLAMD must say where"),
    ],
)
def test_one_that_cannot_be_used_is_named(naming, name: str, why: str) -> None:
    with pytest.raises(UnusableCheck, match=f"CONTENTSERVER_COMMIT_CHECKS names '{name}'.*{why}"):
        load_checks(naming("the_checks.passing", name))


def test_the_example_in_the_documents_works() -> None:
    (example,) = re.findall(r"```python\n(.*?def no_empty_files.*?)```", OPERATIONS, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    names["no_empty_files"](FILE, [b"something"])
    with pytest.raises(Refused, match="empty"):
        names["no_empty_files"](FILE, [])


def test_the_checks_that_the_documents_name_can_be_made(naming, monkeypatch) -> None:
    found = re.findall(r"^CONTENTSERVER_(COMMIT_CHECKS|CLAMD)=(.*)$", OPERATIONS, re.MULTILINE)
    for name, value in found:
        monkeypatch.setenv(f"CONTENTSERVER_{name}", value)
    assert len(found) == 2
    assert load_checks(read_config()) is not None
