"""Every route with every kind of credential: refused alike, and each refusal recorded."""

import itertools
import json
import socket
import statistics
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from contentserver import runtime
from contentserver.delivery.app import DataPlane as Application
from contentserver.delivery.legacy_addresses import READ, ROUTE
from contentserver.delivery.routes import PUBLIC, Routes
from skold import urls
from tests.support.plane import DataPlane, replaced_environment
from tests.support.records import pairs, records, until

TOKEN = (
    "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."
    "eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUub3JnIiwic3ViIjoieCIsImV4cCI6NDAwMDAwMDAwMH0."
)

OLD = {
    "pattern": "/old/{name}",
    "source": "photos",
    "collection": "photos",
    "key": "{name}",
    "client": None,
    "placeholder": None,
}


HEADERS = {
    "Tus-Resumable": "1.0.0",
    "Upload-Length": "7",
    "Upload-Offset": "0",
    "Upload-Metadata": "collection cGhvdG9z,key d2F5cy1pbg==",
    "Content-Type": "application/offset+octet-stream",
}
"""What an upload needs of "ways-in" in "photos"; the other routes do not look at it."""
UNKNOWN_UPLOAD = "00000000-0000-4000-8000-000000000000"


def registered_routes() -> list[tuple[str, str, bool]]:
    """Template, method, keyed of every route that is not public, from the table itself, and a
    legacy address, which no table holds.
    """
    table = Application.table(object())
    routes = [(route.path, route.method, route.keyed) for route in table if route.action != PUBLIC]
    return [*routes, *((ROUTE, method, False) for method in READ)]


def path_of(plane: DataPlane, path: str) -> str:
    if path == ROUTE:
        return "/old/ways-in"
    return path.format(collection="photos", key="ways-in", id=plane.upload)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = DataPlane(tmp_path_factory.mktemp("ways") / "home")
    plane.expired = plane.add_key("tester", expires=1)  # type: ignore[attr-defined]
    plane.foreign = plane.add_client("foreign", collection="documents")  # type: ignore[attr-defined]
    plane.disabled = plane.add_client("disabled", enabled=False)  # type: ignore[attr-defined]
    plane.elsewhere = plane.add_client("elsewhere", address_ranges=["10.0.0.0/8"])  # type: ignore[attr-defined]
    plane.revoked = plane.add_key("tester")  # type: ignore[attr-defined]
    plane.policy["keys"].pop()
    plane.url_secret = add_url_key(plane, "tester", "kid")  # type: ignore[attr-defined]
    plane.dead_secret = add_url_key(plane, "tester", "dead", expires=1)  # type: ignore[attr-defined]
    plane.policy["attached"] = {"addresses": [OLD]}
    plane.publish_policy()
    try:
        plane.start()
        plane.http.put("/v1/content/photos/ways-in", content=b"secret").raise_for_status()
        made = plane.http.post("/v1/uploads", headers=HEADERS, content=b"secr")
        plane.upload = made.headers["location"].rpartition("/")[2]  # type: ignore[attr-defined]
        yield plane
    finally:
        plane.close()


CREDENTIALS = [
    "none",
    "garbled",
    "unknown",
    "wrong_secret",
    "expired",
    "disabled",
    "elsewhere",
    "revoked",
    "doubled",
    "key_and_token",
    "basic",
    "garbled_token",
    "unsigned_token",
    "forged_certificate",
    "certificate_and_key",
]
URLS = [
    "expired_url",
    "altered_url",
    "url_of_another_file",
    "url_of_another_method",
    "unknown_url_key",
    "dead_url_key",
    "garbled_url",
    "url_and_key",
]


def headers_for(plane: DataPlane, kind: str) -> list[tuple[str, str]]:
    good = plane.api_key
    flipped = good[:30] + ("A" if good[30] != "A" else "B") + good[31:]
    values = {
        "none": [],
        "garbled": ["Bearer skd_x"],
        "unknown": ["Bearer " + plane.add_key("nobody-published")],
        "wrong_secret": ["Bearer " + flipped],
        "expired": ["Bearer " + plane.expired],  # type: ignore[attr-defined]
        "disabled": ["Bearer " + plane.disabled],  # type: ignore[attr-defined]
        "elsewhere": ["Bearer " + plane.elsewhere],  # type: ignore[attr-defined]
        "revoked": ["Bearer " + plane.revoked],  # type: ignore[attr-defined]
        "doubled": ["Bearer " + good, "Bearer " + good],
        "key_and_token": ["Bearer " + good, "Bearer " + TOKEN],
        "garbled_token": ["Bearer eyJhbGciOi.J9.x"],
        "unsigned_token": ["Bearer " + TOKEN],
        "forged_certificate": [],
        "certificate_and_key": ["Bearer " + good],
        "basic": ["Basic dGVzdGVyOnNlY3JldA=="],
    }[kind]
    forged = [("X-SSL-Client-Verify", "SUCCESS"), ("X-SSL-Client-Cert", "forged")]
    return [
        *(("Authorization", value) for value in values),
        *(forged if "certificate" in kind else []),
    ]


def query_for(plane: DataPlane, kind: str, method: str, path: str) -> str:
    """The query of a signed URL that does not hold for this method and path."""
    secret: bytes = plane.url_secret  # type: ignore[attr-defined]
    expires = int(time.time()) + 60
    signed = {"expires": expires, "secret": secret, "kid": "kid", "method": method, "path": path}
    changes: dict[str, dict[str, Any]] = {
        "expired_url": {"expires": expires - 120},
        "url_of_another_file": {"path": "/v1/content/photos/other"},
        "url_of_another_method": {"method": "PUT" if method != "PUT" else "DELETE"},
        "unknown_url_key": {"kid": "nobodys"},
        "dead_url_key": {"kid": "dead", "secret": plane.dead_secret},  # type: ignore[attr-defined]
    }
    given = {**signed, **changes.get(kind, {})}
    wanted = given["method"] if given["method"] in urls.METHODS else "GET"
    url = urls.sign_url(
        given["secret"], given["kid"], wanted, given["path"], expires=given["expires"]
    )
    query = url.partition("?")[2]
    if kind == "altered_url":
        return query.replace(f"expires={expires}", f"expires={expires + 9}")
    return "sig=x&sig=y" if kind == "garbled_url" else query


def add_url_key(plane: DataPlane, client: str, kid: str, expires: int | None = None) -> bytes:
    """A signing key of the client; its secret."""
    secret = urls.new_url_secret()
    with replaced_environment(plane.environment):
        number, wrapping = max(runtime.data_keyset(plane.config).url_keys.items())
    wrapped = urls.wrap_url_key(wrapping, kid, secret)
    row = {"id": kid, "client": client, "wrapped": wrapped, "wrapping": number, "expires": expires}
    plane.policy["url_keys"].append(row)
    return secret


_networks = itertools.count()


def stranger_of(plane: DataPlane, key: str | None = None) -> httpx.Client:
    """A client in a network of its own, so that refusals are no flood."""
    number = next(_networks)
    transport = httpx.HTTPTransport(local_address=f"127.{1 + number // 256}.{number % 256}.1")
    return plane.client(key, transport=transport)


@pytest.mark.parametrize("kind", CREDENTIALS)
@pytest.mark.parametrize(("path", "method", "_keyed"), registered_routes())
def test_no_route_opens_without_a_valid_credential(
    plane: DataPlane, path: str, method: str, _keyed: bool, kind: str
) -> None:
    headers = [*HEADERS.items(), *headers_for(plane, kind)]
    with stranger_of(plane) as stranger:
        answer = stranger.request(method, path_of(plane, path), headers=headers)
    assert_refused(plane, answer)


@pytest.mark.parametrize("kind", URLS)
@pytest.mark.parametrize(("template", "method", "_keyed"), registered_routes())
def test_no_route_opens_by_a_url_that_was_not_signed_for_it(
    plane: DataPlane, template: str, method: str, _keyed: bool, kind: str
) -> None:
    path = path_of(plane, template)
    query = query_for(plane, kind, method, path)
    with stranger_of(plane, plane.api_key if kind == "url_and_key" else None) as stranger:
        answer = stranger.request(method, f"{path}?{query}", headers=HEADERS)
    assert_refused(plane, answer)
    signature = query.rpartition("sig=")[2]
    assert len(signature) < 64 or signature not in plane.read_log()
    assert len(signature) < 64 or signature not in json.dumps(records(plane))


def assert_refused(plane: DataPlane, answer: httpx.Response) -> None:
    """401 that tells nothing, and one pair of records of a refusal."""
    assert "upload-offset" not in answer.headers
    assert answer.status_code == 401
    assert b"secret" not in answer.content
    assert answer.headers["www-authenticate"]
    asked, done = pairs(plane, answer.headers["x-request-id"])
    assert [record["decision"] for record in asked] == ["refuse"]
    assert [record["status"] for record in done] == [401]


def test_the_signature_of_a_good_url_is_in_no_log_and_no_record(plane: DataPlane) -> None:
    url = urls.sign_url(
        plane.url_secret,  # type: ignore[attr-defined]
        "kid",
        "GET",
        "/v1/content/photos/ways-in",
        expires=int(time.time()) + 60,
        subject="kim",
    )
    with stranger_of(plane) as stranger:
        answer = stranger.get(url, headers={"Referer": plane.url + url, "User-Agent": "x"})
    assert answer.content == b"secret"
    signature = url.rpartition("sig=")[2]
    asked, _ = pairs(plane, answer.headers["x-request-id"])
    assert asked[0]["credential"] == "kid"
    assert signature not in json.dumps(records(plane))
    for file in plane.folder.rglob("*"):
        if file.is_file():
            assert signature.encode() not in file.read_bytes(), file


def test_beyond_twenty_a_second_every_kind_is_429_and_counted(plane: DataPlane) -> None:
    with stranger_of(plane) as stranger:
        second = time.time() // 1
        while time.time() // 1 == second:  # to have a whole one
            time.sleep(0.005)
        answers = [
            stranger.get("/v1/content/photos/ways-in", headers=headers_for(plane, kind))
            for kind in ("none", "wrong_secret", "unknown", "garbled") * 15
        ]
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {401, 429}
    limited = [answer for answer in answers if answer.status_code == 429]
    assert {answer.headers["retry-after"] for answer in limited} == {"1"}
    assert len({answer.content for answer in limited}) == 1
    network = f"127.{1 + (next(_networks) - 1) // 256}."

    def counted() -> int:
        floods = [each for each in records(plane) if each["kind"] == "flood"]
        ours = [each for each in floods if each["private"]["network"].startswith(network)]
        assert all(each["reason"] for each in ours)
        return sum(each["count"] for each in ours)

    assert until(lambda: counted() == len(limited))
    assert until(lambda: len(pairs(plane, answers[0].headers["x-request-id"])[0]) == 1)


@pytest.mark.parametrize("header", ["On-Behalf-Of: \xff", "Range: a\r\nRange: b"])
def test_what_cannot_be_read_is_limited_like_any_stranger(plane: DataPlane, header: str) -> None:
    """It is refused before anybody looks at a credential, so anybody can send it."""
    network = next(_networks)
    before = len(records(plane))
    codes = []
    for _ in range(60):
        source = (f"127.{1 + network // 256}.{network % 256}.1", 0)
        with socket.create_connection(("127.0.0.1", plane.config.port), 5, source) as wire:
            head = f"GET /v1/content/photos/ways-in HTTP/1.1\r\nHost: x\r\n{header}\r\n"
            wire.sendall((head + "Connection: close\r\n\r\n").encode("latin-1"))
            codes.append(int(wire.makefile("rb").readline().split()[1]))
    assert set(codes) == {400, 429}
    new = [each for each in records(plane)[before:] if each["kind"] == "req"]
    assert len(new) <= codes.count(400)


@pytest.mark.parametrize(("path", "method", "keyed"), registered_routes())
def test_a_foreign_client_sees_what_a_missing_file_shows(
    plane: DataPlane, path: str, method: str, keyed: bool
) -> None:
    body = b'{"collection":"photos","keys":["ways-in"]}' if path == "/v1/heads" else b"x"
    with stranger_of(plane, plane.foreign) as foreign:  # type: ignore[attr-defined]
        refused = foreign.request(method, path_of(plane, path), content=body, headers=HEADERS)
    assert refused.status_code == 404
    missing = missing_beside(plane, path, method)
    ours = {"date", "x-request-id"}
    if method != "HEAD":
        assert refused.content == missing.content
    assert {k: v for k, v in refused.headers.items() if k not in ours} == {
        k: v for k, v in missing.headers.items() if k not in ours
    }
    asked, _ = pairs(plane, refused.headers["x-request-id"])
    assert asked[0]["decision"] == "refuse"
    assert asked[0]["client"] == "foreign"
    assert "address" in asked[0] or not keyed, "the story of a file tells who was refused"


def missing_beside(plane: DataPlane, path: str, method: str) -> httpx.Response:
    """What who may do everything is told of a file, or an upload, that is not there."""
    if not path.startswith("/v1/uploads"):
        return plane.http.get("/v1/content/photos/nowhere")
    nowhere = path.format(id=UNKNOWN_UPLOAD) if "{" in path else f"{path}/{UNKNOWN_UPLOAD}"
    asked = method if "{" in path else "PATCH"
    return plane.http.request(asked, nowhere, headers=HEADERS, content=b"x")


def test_an_absent_file_is_recorded_as_allowed_and_not_found(plane: DataPlane) -> None:
    plane.http.get("/v1/content/photos/nowhere", headers={"X-Request-Id": "absent-1"})
    asked, done = pairs(plane, "absent-1")
    assert [record["decision"] for record in asked] == ["allow"]
    assert [(record["status"], record["outcome"]) for record in done] == [(404, "not_found")]


def test_unknown_key_and_wrong_secret_answer_alike(plane: DataPlane) -> None:
    answers: list[httpx.Response] = []
    for kind in ("unknown", "wrong_secret"):
        with stranger_of(plane) as stranger:
            answers.append(
                stranger.get("/v1/content/photos/ways-in", headers=headers_for(plane, kind))
            )
    assert answers[0].content == answers[1].content
    assert answers[0].headers["www-authenticate"] == answers[1].headers["www-authenticate"]


def test_forbidden_and_absent_take_about_the_same_time(plane: DataPlane) -> None:
    """A gross difference (a file opened or not, a hash made or not) would show in the median.

    They take turns, so that whatever else the machine does meets both.
    """

    def seconds(client: httpx.Client, url: str) -> float:
        began = time.perf_counter()
        client.get(url)
        return time.perf_counter() - began

    forbidden, absent = [], []
    with plane.client(plane.foreign) as foreign:  # type: ignore[attr-defined]
        for _ in range(150):
            forbidden.append(seconds(foreign, "/v1/content/photos/ways-in"))
            absent.append(seconds(plane.http, "/v1/content/photos/nowhere"))
    assert 0.5 < statistics.median(forbidden) / statistics.median(absent) < 2.0


def test_an_unknown_address_asks_for_a_credential_first(plane: DataPlane) -> None:
    with stranger_of(plane) as stranger:
        assert stranger.get("/v1/nothing/here").status_code == 401
    assert plane.http.get("/v1/nothing/here").status_code == 404
    refused = plane.http.patch("/v1/content/photos/ways-in")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "DELETE, GET, HEAD, PUT"


def test_a_revoked_key_is_refused_within_a_moment(start_data_plane) -> None:
    plane = start_data_plane()
    key = plane.add_key("tester")
    plane.obey()
    with plane.client(key) as client:
        assert client.get("/v1/content/photos/a").status_code == 404
        plane.policy["keys"] = [
            each for each in plane.policy["keys"] if not key.startswith(f"skd_{each['id']}")
        ]
        plane.obey()
        assert client.get("/v1/content/photos/a").status_code == 401


def test_a_route_without_a_policy_cannot_be_registered() -> None:
    async def handler() -> None: ...

    with pytest.raises(ValueError, match="none that Sköld decides on"):
        Routes().add("new", "GET", "", handler, keyed=True)
