"""The control plane's API: the same gate, the same audit, problem details, secrets once."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contentserver.models import Collection
from skold import services
from skold.control import parts
from skold.journal import JournalUnavailable
from skold.models import ApiKey, Client, Grant
from skold.tickets import Ticket

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

Api = Callable[..., Any]
ADMIN = ["administer", "audit"]
GRANT = {"client": "root", "collection": "*", "actions": ["read"]}
LISTS = ["clients", "keys", "url-keys", "grants", "audit"]


@pytest.fixture
def root(plane: "Control") -> str:
    """The API key of a client that may administer and read the audit."""
    return plane.client("root", ADMIN)


@pytest.mark.parametrize("path", LISTS)
def test_every_access_is_a_pair_of_records(
    plane: "Control", api: Api, root: str, path: str
) -> None:
    assert api("get", path, root).status_code == 200
    (request,) = plane.records("req")
    (done,) = plane.records("done")
    assert (request["plane"], request["client"], request["decision"]) == (
        "control",
        "root",
        "allow",
    )
    assert request["rule"].startswith("grant:")
    assert request["personal"]["path"] == f"/api/v1/{path}"
    assert (done["ref"], done["status"], done["outcome"]) == (request["n"], 200, "served")


@pytest.mark.parametrize("path", [*LISTS, "clients/root", "audit/node-1:0"])
@pytest.mark.parametrize(
    ("credential", "reason"),
    [(None, "anonymous"), ("skd_nonsense", None), ("Basic x", None)],
)
def test_without_a_good_credential_it_is_401_and_recorded(
    plane: "Control", api: Api, path: str, credential: str | None, reason: str | None
) -> None:
    plane.publish()
    answer = api("get", path, credential)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["type"].endswith("/unauthenticated")
    (request,) = plane.records("req")
    assert request["decision"] == "refuse"
    assert reason is None or request["reason"] == reason
    (done,) = plane.records("done")
    assert done["status"] == 401


@pytest.mark.parametrize("path", [*LISTS, "clients/root", "audit/node-1:0"])
def test_without_a_grant_it_looks_as_if_nothing_were_there(
    plane: "Control", api: Api, path: str
) -> None:
    key = plane.client("portal", ["read", "write"])
    answer = api("get", path, key)
    assert answer.status_code == 404
    (request,) = plane.records("req")
    assert (request["client"], request["decision"]) == ("portal", "refuse")


def test_a_revoked_key_is_refused(plane: "Control", api: Api, root: str) -> None:
    services.revoke_api_key(actor="test", key=ApiKey.objects.get())
    plane.publish()
    assert api("get", "clients", root).status_code == 401


def test_a_method_that_is_not_there_is_405_and_recorded(
    plane: "Control", api: Api, root: str
) -> None:
    assert api("delete", "clients/root", root).status_code == 405
    assert api("put", "audit/node-1:0", root, {}).status_code == 405
    assert api("options", "clients", root).status_code == 405
    assert [record["decision"] for record in plane.records("req")] == ["refuse"] * 3
    assert Client.objects.filter(pk="root").exists()


def test_nothing_is_done_that_cannot_be_recorded(
    plane: "Control", api: Api, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_fields: object) -> None:
        raise JournalUnavailable("no space")

    api("get", "clients", root)
    monkeypatch.setattr(parts.journal(), "append", refuse)
    answer = api("post", "clients", root, {"id": "new", "name": "New"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer.json()["type"].endswith("/not_recorded")
    assert not Client.objects.filter(pk="new").exists()
    assert b"root" not in api("get", "clients", root).content


def test_nothing_is_done_before_its_record_is_durable(
    plane: "Control", api: Api, root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> None:
        raise JournalUnavailable("the disk hangs")

    monkeypatch.setattr(Ticket, "wait", lost)
    answer = api("post", "clients", root, {"id": "new", "name": "New"})
    assert answer.status_code == 503
    assert not Client.objects.filter(pk="new").exists()


def test_without_a_policy_nobody_is_let_in(plane: "Control", api: Api, root: str) -> None:
    plane.config.policy.unlink()
    parts.shut()
    answer = api("get", "clients", root)
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("/policy_unavailable")


def test_a_client_is_made_and_changed(plane: "Control", api: Api, root: str) -> None:
    made = api("post", "clients", root, {"id": "portal", "name": "Portal"})
    assert (made.status_code, made.json()["created_by"]) == (201, "root")
    changed = api("patch", "clients/portal", root, {"enabled": False, "address_ranges": ["::/0"]})
    assert changed.json()["enabled"] is False
    assert Client.objects.get(pk="portal").address_ranges == ["::/0"]
    assert plane.records("req")[1]["resource"] == "client:portal"


@pytest.mark.parametrize(
    ("path", "data", "field"),
    [
        ("clients", {"id": "Bad Name", "name": "x"}, "id"),
        ("clients", {"id": "ok"}, "name"),
        ("clients", {"id": "ok", "name": "x", "address_ranges": ["10.0.0.0/33"]}, "address_ranges"),
        ("clients", {"id": "root", "name": "twice"}, "id"),
        ("keys", {"client": "nobody"}, "client"),
        ("keys", {"client": "root", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ("grants", {"client": "root", "collection": "p", "actions": ["fly"]}, "actions"),
        ("grants", {"client": "root", "collection": "P!", "actions": ["read"]}, "collection"),
        ("grants", {"client": "root", "collection": "phtos", "actions": ["read"]}, "collection"),
        ("grants", {"client": "root", "collection": "*", "actions": ["replicate"]}, "actions"),
        ("grants", {**GRANT, "prefix": "/2025"}, "prefix"),
        ("grants", {**GRANT, "prefix": "a/../b"}, "prefix"),
        ("grants", {**GRANT, "prefix": "a//"}, "prefix"),
        ("grants", {**GRANT, "prefix": ".."}, "prefix"),
        ("grants", {**GRANT, "prefix": "a\u0007b"}, "prefix"),
        ("grants", {**GRANT, "prefix": "e\u0301"}, "prefix"),
        ("grants", {**GRANT, "prefix": "x" * 511 + "/"}, "prefix"),
    ],
)
def test_bad_input_is_400_and_names_the_field(
    api: Api, root: str, path: str, data: dict[str, Any], field: str
) -> None:
    answer = api("post", path, root, data)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert field in answer.json()["errors"]


def test_a_third_live_key_is_refused(api: Api, root: str) -> None:
    assert api("post", "keys", root, {"client": "root"}).status_code == 201
    answer = api("post", "keys", root, {"client": "root"})
    assert answer.status_code == 400
    assert "2 live keys" in str(answer.json()["errors"])


@pytest.mark.parametrize("kind", ["keys", "url-keys"])
def test_a_secret_is_shown_once_and_never_again(
    plane: "Control",
    api: Api,
    root: str,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    made = api("post", kind, root, {"client": "root", "label": "lab"})
    secret = made.json()["secret"]
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    shown = [api("get", kind, root), api("get", f"{kind}/{made.json()['id']}", root)]
    shown.append(api("post", f"{kind}/{made.json()['id']}/revoke", root))
    for answer in shown:
        assert answer.status_code == 200
        assert secret not in answer.content.decode()
        assert "sha256" not in answer.content.decode()
    assert secret not in caplog.text
    assert shown[-1].json()["revoked_by"] == "root"
    for file in Path(plane.config.home).rglob("*"):
        assert not file.is_file() or secret.encode() not in file.read_bytes(), file


def test_a_grant_is_given_and_withdrawn(plane: "Control", api: Api, root: str) -> None:
    Collection.objects.create(name="photos")
    given = {"client": "root", "collection": "photos", "actions": ["read"], "prefix": "2025/"}
    made = api("post", "grants", root, given)
    assert made.status_code == 201
    assert api("delete", f"grants/{made.json()['id']}", root).status_code == 204
    assert api("delete", f"grants/{made.json()['id']}", root).status_code == 404
    assert Grant.objects.count() == 1


def test_pages_follow_each_other_without_a_count(api: Api, root: str) -> None:
    for number in range(7):
        services.create_client(actor="test", id=f"client-{number}", name="x")
    seen: list[str] = []
    path = "clients?page_size=3"
    with CaptureQueriesContext(connection) as queries:
        while path:
            page = api("get", path, root).json()
            seen += [entry["id"] for entry in page["results"]]
            path = (page["next"] or "").partition("/api/v1/")[2]
    assert seen == sorted([*(f"client-{number}" for number in range(7)), "root"])
    assert not [query for query in queries if "COUNT(" in query["sql"].upper()]


@pytest.mark.parametrize("path", ["clients?after=x", "clients?page_size=0", "audit?after=W10"])
def test_a_wrong_place_or_size_is_400(api: Api, root: str, path: str) -> None:
    assert api("get", path, root).status_code == 400
