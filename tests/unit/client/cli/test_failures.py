"""Errors as lines and exit statuses."""

import re
from pathlib import Path

import pytest

from contentserver.client import errors
from contentserver.client.cli import failures
from contentserver.client.cli.failures import explain


def all_errors(base: type[errors.ClientError]) -> set[type[errors.ClientError]]:
    return {base, *(each for child in base.__subclasses__() for each in all_errors(child))}


STATUSES = {
    errors.NotFound: 3, errors.Deleted: 3, errors.Erased: 3, errors.UploadExpired: 3,
    errors.Unauthenticated: 4, errors.Conflict: 4, errors.WrongOffset: 4, errors.BadRequest: 4,
    errors.PreconditionFailed: 4, errors.TooLarge: 4, errors.CheckRefused: 4,
    errors.Unreachable: 5, errors.Unavailable: 5, errors.TooManyRequests: 5, errors.NoSpace: 5,
    errors.Locked: 5, errors.DigestMismatch: 6, errors.Damaged: 6,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_each_error_has_the_status_that_is_documented(kind, status):
    assert explain(kind("why", status=400)).exit_status == status


def test_an_error_that_is_new_fails_all_the_same():
    assert explain(errors.ClientError("why")).exit_status == failures.FAILED
    assert all(explain(kind("why")).exit_status for kind in all_errors(errors.ClientError))


def test_the_line_names_the_file_the_reason_the_way_out_and_the_request():
    error = errors.PreconditionFailed("there is a newer version", status=412, request_id="r-17")
    line = explain(error, "photos/a").message
    assert line.startswith("photos/a: ")
    assert "there is a newer version" in line
    assert "contentctl head" in line
    assert line.endswith("[request r-17]")


def test_it_is_one_line_whatever_the_server_says():
    assert "\n" not in explain(errors.BadRequest("a\nb\r\nc", status=400)).message


def test_programs_get_what_the_server_said():
    error = errors.CheckRefused("a virus", status=422, type="check_refused", request_id="r")
    assert explain(error).as_json()["error"] == {
        "exit_status": 4, "message": explain(error).message, "status": 422,
        "type": "check_refused", "detail": "a virus", "request_id": "r",
    }  # fmt: skip


def test_an_error_of_the_disk_names_the_file():
    with pytest.raises(FileNotFoundError) as found:
        Path("/nowhere/a").read_bytes()
    assert explain(found.value).message == "/nowhere/a: No such file or directory"


def test_the_help_names_every_status():
    named = {int(number) for number in re.findall(r"\b(\d+) ", failures.STATUSES)}
    assert named == {*range(7), failures.STOPPED, failures.TERMINATED}
