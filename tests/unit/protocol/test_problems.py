"""RFC 9457."""

import json
from http import HTTPStatus
from urllib.parse import urlsplit

import pytest

from contentserver.protocol.problems import PROBLEM_TYPES, problem


@pytest.mark.parametrize("row", PROBLEM_TYPES.values(), ids=str)
def test_every_type_is_an_absolute_url_with_a_title_and_an_error_status(row):
    url = urlsplit(row.type)
    assert url.scheme == "https"
    assert url.hostname
    assert url.path.endswith("/" + row.slug)
    assert row.title
    assert 400 <= row.status <= 599
    assert row.status == 460 or HTTPStatus(row.status)


def test_it_writes_the_members_of_rfc_9457():
    made = problem("wrong_offset", "The upload stands at 7; continue there.", expected=7)
    assert json.loads(made.to_json()) == {
        "type": "https://contentserver.example/problems/wrong_offset",
        "title": "The offset is not the one the upload stands at",
        "status": 409,
        "detail": "The upload stands at 7; continue there.",
        "expected": 7,
    }


def test_extra_members_never_replace_the_standard_ones():
    body = json.loads(problem("not_found", status=200, type="x").to_json())
    assert (body["status"], body["type"].rpartition("/")[2]) == (404, "not_found")


def test_a_detail_that_quotes_broken_text_is_still_json():
    detail = "the key is \ud800 \r\n\x00 é"
    assert json.loads(problem("bad_key", detail).to_json())["detail"] == detail


def test_a_slug_outside_the_table_is_an_error():
    with pytest.raises(KeyError):
        problem("no_such_problem")
