"""Secrets in arguments."""

import pytest

from contentserver.client.cli.refusals import find_secret
from skold.credentials import new_api_key


@pytest.mark.parametrize(
    ("argument", "name"),
    [("--api-key", "--api-key"), ("--api-key=x", "--api-key"), ("--apikey=x", "--apikey"),
     ("--token", "--token"), ("--url-key=x", "--url-key"), ("--password", "--password")],
)  # fmt: skip
def test_it_refuses_options_that_would_take_a_secret_by_name(argument, name):
    said = find_secret(["ls", argument, "photos"])
    assert said is not None
    assert said.startswith(name)
    assert "CONTENTSERVER_API_KEY" in said


@pytest.mark.parametrize("form", ["{}", "--on-behalf-of={}", "photos/{}", "--custom=key={}"])
@pytest.mark.parametrize("before", [[], ["--"]])
def test_it_refuses_an_api_key_wherever_it_stands_and_does_not_repeat_it(form, before):
    key = new_api_key().plaintext
    said = find_secret(["put", *before, form.format(key), "x"])
    assert said is not None
    assert key not in said
    assert key[20:] not in said


def test_it_refuses_an_address_with_a_password():
    assert find_secret(["commit", "https://anna:secret@files.example.org/v1/uploads/1"]) is not None


@pytest.mark.parametrize(
    "arguments", [["put", "a", "photos/skd_notes.txt"], ["cp", "-r", "./a", "photos/b"],
                  ["get", "photos/key", "--", "--token"], ["ls", "photos", "--json"]],
)  # fmt: skip
def test_what_is_no_secret_passes(arguments):
    assert find_secret(arguments) is None
