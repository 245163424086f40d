"""Every address of the control plane with every kind of credential. The addresses come from the
OpenAPI document, the document from the routes: a new one cannot be forgotten.
"""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from contentserver.protocol.problems import PROBLEM_TYPES
from skold.credentials import new_api_key
from tests.integration.api.conftest import caller
from tests.support.catalog import Library
from tests.support.description import described
from tests.support.records import records

pytestmark = pytest.mark.django_db


def operations() -> Iterator[tuple[str, str]]:
    for path, methods in described()["paths"].items():
        if path.startswith("/api/v1/"):
            yield from ((method, path) for method in methods)


OPERATIONS = sorted(operations())
NAMES = {"files": uuid.uuid4().hex, "audit": "node-1:1", "grants": "1"}


def ask(client: APIClient, method: str, path: str) -> Any:
    kind = path.split("/")[3]
    url = path.replace("{id}", NAMES.get(kind, "some")).replace("{name}", "some")
    return getattr(client, method)(url, {}, format="json") if method != "get" else client.get(url)


def test_the_description_has_the_addresses_that_are_met_here() -> None:
    assert len(OPERATIONS) >= 25
    assert ("get", "/api/v1/files/{id}/content") in OPERATIONS


@pytest.mark.parametrize("path", ["nothing", "files/", "files/xyz", "", "clients/a/b", "schema"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_an_address_that_does_not_exist_is_refused_and_recorded_like_any_other(
    control_plane: Library, method: str, path: str
) -> None:
    answers = [
        getattr(caller(key), method)(f"/api/v1/{path}")
        for key in (None, control_plane.home.api_key)
    ]
    assert [answer.status_code for answer in answers] == [401, 404]
    assert answers[1]["Content-Type"] == "application/problem+json"
    found = [each["decision"] for each in records(control_plane.home) if each["kind"] == "req"]
    assert found == ["refuse", "refuse"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_without_a_valid_credential_it_is_401_and_recorded(
    control_plane: Library, method: str, path: str
) -> None:
    home = control_plane.home
    unknown = new_api_key()[1]
    expired = home.add_client("late")
    home.policy["keys"][-1]["expires"] = 1
    disabled = home.add_client("off", enabled=False)
    elsewhere = home.add_client("elsewhere", address_ranges=["198.51.100.0/24"])
    home.publish_policy()
    good = home.api_key
    revoked = home.add_key("tester")
    home.policy["keys"].pop()
    home.publish_policy()
    broken = [
        unknown,
        revoked,
        expired,
        disabled,
        elsewhere,
        "garbage",
        good[:-1] + ("b" if good.endswith("a") else "a"),
        f"{good}, Bearer x",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
    ]
    clients = [caller(key) for key in [None, *broken]]
    basic = APIClient()
    basic.credentials(HTTP_AUTHORIZATION="Basic dGVzdDp0ZXN0")
    certified = caller(None)
    certified.credentials(HTTP_X_SSL_CLIENT_VERIFY="SUCCESS", HTTP_X_SSL_CLIENT_CERT="forged")
    both = caller(good)
    both.credentials(
        HTTP_AUTHORIZATION=f"Bearer {good}",
        HTTP_X_SSL_CLIENT_VERIFY="SUCCESS",
        HTTP_X_SSL_CLIENT_CERT="forged",
    )
    answers = [ask(client, method, path) for client in [*clients, basic, certified, both]]

    assert [answer.status_code for answer in answers] == [401] * len(answers)
    assert len({answer.content for answer in answers[1:]}) == 1
    found = [record for record in records(home) if record["kind"] == "req"]
    assert len(found) == len(answers)
    assert {record["decision"] for record in found} == {"refuse"}
    done = [record["status"] for record in records(home) if record["kind"] == "done"]
    assert done == [401] * len(answers)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_without_a_grant_it_is_404_and_recorded(
    control_plane: Library, method: str, path: str
) -> None:
    key = control_plane.home.add_client("stranger", actions=["write"], collection="photos")
    control_plane.home.publish_policy()
    assert ask(caller(key), method, path).status_code == 404
    asked, done = (
        [record for record in records(control_plane.home) if record["kind"] == kind]
        for kind in ("req", "done")
    )
    assert [(record["client"], record["decision"]) for record in asked] == [("stranger", "refuse")]
    assert [record["status"] for record in done] == [404]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_with_a_grant_it_is_neither_refused_nor_broken(
    api: APIClient, control_plane: Library, method: str, path: str
) -> None:
    answer = ask(api, method, path)
    assert answer.status_code in {200, 201, 204, 400, 404}, answer.content
    found = [record for record in records(control_plane.home) if record["kind"] == "req"]
    assert [record["decision"] for record in found][-1] in {"allow", "refuse"}
    assert len(found) == 1


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_where_it_cannot_be_recorded_it_is_503_and_nothing_is_told(
    api: APIClient, control_plane: Library, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skold.control import parts
    from skold.journal import JournalUnavailable

    def fail(*_arguments: object, **_options: object) -> None:
        raise JournalUnavailable("the disk is gone")

    monkeypatch.setattr(parts.journal(), "append", fail)
    answer = ask(api, method, path)
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("not_recorded")
    assert answer["Retry-After"]


@pytest.mark.parametrize(
    ("method", "path", "slug"),
    [
        ("get", "files/xyz", "not_found"),
        ("patch", "files", "method_not_allowed"),
        ("post", "clients", "bad_request"),
    ],
)
def test_a_problem_is_titled_as_in_the_one_table(
    api: APIClient, method: str, path: str, slug: str
) -> None:
    told = getattr(api, method)(f"/api/v1/{path}", {}, format="json").json()
    row = PROBLEM_TYPES[slug]
    assert (told["type"], told["title"], told["status"]) == (row.type, row.title, row.status)
