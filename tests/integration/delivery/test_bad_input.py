"""Nonsense on the wire: a clear refusal, nothing stored, and the next request of the connection
unharmed.
"""

import json
import os
import socket
import time

import pytest

from tests.support.plane import DataPlane
from tests.support.records import pairs, records, until


class Wire:
    """One connection, byte for byte."""

    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane
        self.socket = socket.create_connection(("127.0.0.1", plane.config.port), timeout=10)
        self.file = self.socket.makefile("rb")

    def send(self, head: str, body: bytes = b"") -> None:
        authorization = f"Authorization: Bearer {self.plane.api_key}\r\n"
        self.socket.sendall(head.replace("AUTH\r\n", authorization).encode("latin-1") + body)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers: dict[str, str] = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self.file.read(int(headers.get("content-length", "0")))
        return status, headers, body

    def is_closed(self) -> bool:
        try:
            return self.file.read(1) == b""
        except ConnectionError:
            return True


@pytest.mark.parametrize(
    "path",
    [
        "photos/..",
        "photos/a/../../b",
        "photos/%2e%2e/b",
        "photos/%00",
        "photos/a%0d%0ab",
        "photos/%c0%af",
        "photos/%ff",
        "photos/a//b",
        "photos/a%2F%2Fb",
        "photos/" + "k" * 513,
        "photos/" + "k" * 10_240,
        "PHOTOS/a",
        "photos/e%CC%81",
        "photos/%zz",
        "photos/",
    ],
)
def test_a_path_that_is_no_key_is_400_with_the_reason(
    shared_data_plane: DataPlane, path: str
) -> None:
    for method in ("GET", "PUT"):
        wire = Wire(shared_data_plane)
        wire.send(
            f"{method} /v1/content/{path} HTTP/1.1\r\nHost: a\r\nAUTH\r\nContent-Length: 1\r\n\r\n",
            b"x",
        )
        status, headers, body = wire.answer()
        assert status in {400, 404}
        assert headers["content-type"] == "application/problem+json"
        assert json.loads(body)["status"] == status


def test_a_slash_and_its_escape_are_the_same_key(shared_data_plane: DataPlane) -> None:
    http = shared_data_plane.http
    assert http.put("/v1/content/photos/wire/slash", content=b"x").status_code == 201
    wire = Wire(shared_data_plane)
    wire.send("GET /v1/content/photos/wire%2Fslash HTTP/1.1\r\nHost: a\r\nAUTH\r\n\r\n")
    assert wire.answer()[2] == b"x"


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 5x\r\n",
        "Host: b\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: gzip, chunked, chunked\r\nTransfer-Encoding: chunked\r\n",
    ],
)
def test_heads_that_smuggle_are_400_and_the_connection_ends(
    shared_data_plane: DataPlane, head: str
) -> None:
    wire = Wire(shared_data_plane)
    wire.send(
        f"PUT /v1/content/photos/smuggled HTTP/1.1\r\nHost: a\r\nAUTH\r\n{head}\r\n",
        b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    )
    status, _, _ = wire.answer()
    assert status == 400
    assert wire.is_closed()
    assert shared_data_plane.http.get("/v1/content/photos/smuggled").status_code == 404


def test_http_1_1_without_host_is_400_recorded_and_the_connection_ends(
    shared_data_plane: DataPlane,
) -> None:
    wire = Wire(shared_data_plane)
    wire.send("GET /v1/content/photos/a HTTP/1.1\r\nAUTH\r\n\r\n")
    status, headers, body = wire.answer()
    assert (status, headers["connection"]) == (400, "close")
    assert "Host" in json.loads(body)["detail"]
    assert wire.is_closed()
    asked, _ = pairs(shared_data_plane, headers["x-request-id"])
    assert len(asked) == 1


def test_http_1_0_needs_no_host(shared_data_plane: DataPlane) -> None:
    wire = Wire(shared_data_plane)
    wire.send("GET /v1/content/photos/nowhere HTTP/1.0\r\nAUTH\r\n\r\n")
    assert wire.answer()[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        b'{"collection": "documents", "collection": "photos", "keys": ["a"]}',
        b'{"collection": "photos", "keys": ["a"], "\\u006beys": ["b"]}',
        b'{"collection": "photos", "keys": ' + b"[" * 1000 + b"]" * 1000 + b', "keys": ["a"]}',
    ],
)
def test_heads_with_a_doubled_member_are_400(shared_data_plane: DataPlane, body: bytes) -> None:
    answer = shared_data_plane.http.post("/v1/heads", content=body)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/bad_request")


def test_a_refused_body_leaves_the_connection_usable(shared_data_plane: DataPlane) -> None:
    wire = Wire(shared_data_plane)
    wire.send(
        "PUT /v1/content/photos/%00 HTTP/1.1\r\nHost: a\r\nAUTH\r\nContent-Length: 100000\r\n\r\n",
        b"x" * 100_000,
    )
    assert wire.answer()[0] == 400
    wire.send("GET /v1/content/photos/nowhere HTTP/1.1\r\nHost: a\r\nAUTH\r\n\r\n")
    assert wire.answer()[0] == 404


def test_a_body_cut_short_stores_nothing_and_is_recorded(shared_data_plane: DataPlane) -> None:
    wire = Wire(shared_data_plane)
    wire.send(
        "PUT /v1/content/photos/cut HTTP/1.1\r\nHost: a\r\nX-Request-Id: cut-1\r\n"
        "AUTH\r\nContent-Length: 5000000\r\n\r\n",
        b"x" * 3_000_000,
    )
    time.sleep(0.2)
    wire.file.close()
    wire.socket.close()
    asked, done = pairs(shared_data_plane, "cut-1")
    assert len(asked) == len(done) == 1
    assert done[0]["outcome"] != "served"
    assert shared_data_plane.http.get("/v1/content/photos/cut").status_code == 404
    staging = shared_data_plane.config.roots[0] / "staging"
    assert until(lambda: not any(staging.iterdir()))


def test_a_stalled_body_is_408_after_our_own_time_out(start_data_plane) -> None:
    plane = start_data_plane(CONTENTSERVER_BODY_IDLE="0.5")
    wire = Wire(plane)
    wire.send(
        "PUT /v1/content/photos/slow HTTP/1.1\r\nHost: a\r\nAUTH\r\nContent-Length: 10\r\n\r\n",
        b"xx",
    )
    began = time.monotonic()
    status, headers, _ = wire.answer()
    assert status == 408
    assert headers["connection"] == "close"
    assert 0.3 < time.monotonic() - began < 5
    assert plane.http.get("/v1/content/photos/slow").status_code == 404


def test_a_reader_that_stops_reading_is_let_go(start_data_plane) -> None:
    plane = start_data_plane(CONTENTSERVER_BODY_IDLE="0.5")
    plane.http.put("/v1/content/photos/big", content=os.urandom(30_000_000)).raise_for_status()
    wire = Wire(plane)
    wire.send(
        "GET /v1/content/photos/big HTTP/1.1\r\nHost: a\r\nX-Request-Id: stuck\r\nAUTH\r\n\r\n"
    )
    assert wire.file.readline().startswith(b"HTTP/1.1 200")
    assert until(
        lambda: any(r["kind"] == "done" and r["outcome"] == "broken_off" for r in records(plane)),
        15,
    )
    assert plane.http.get("/v1/content/photos/nowhere").status_code == 404


@pytest.mark.slow
def test_an_endless_head_is_ended(start_data_plane) -> None:
    plane = start_data_plane()
    wire = Wire(plane)
    wire.socket.settimeout(30)
    wire.send("GET /v1/content/photos/a HTTP/1.1\r\nX-Slow: ")
    began = time.monotonic()
    assert wire.is_closed()
    assert time.monotonic() - began < 25


@pytest.mark.parametrize(
    "name",
    [
        'a"b.jpg',
        "a\\b.jpg",
        "a\u202egpj.exe",
        "påske æøå.jpg",
        "x" * 200 + ".jpg",
        "a;b=c.jpg",
        "..\\..\\boot.ini",
    ],
)
def test_any_filename_makes_a_safe_header(shared_data_plane: DataPlane, name: str) -> None:
    from urllib.parse import quote

    url = "/v1/content/photos/names/one"
    declared = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    stored = shared_data_plane.http.put(
        url, content=name.encode(), headers={"Content-Disposition": declared}
    )
    assert stored.status_code == 201
    sent = shared_data_plane.http.get(url).headers["content-disposition"]
    assert sent.isascii()
    assert "\r" not in sent
    assert sent.startswith("attachment")


def test_what_a_client_writes_cannot_forge_a_record(shared_data_plane: DataPlane) -> None:
    agent = 'x","decision":"allow"}\\n{"kind":"req"'
    headers = {
        "User-Agent": agent,
        "X-Request-Id": 'forged"\\n',
        "On-Behalf-Of": 'eve","client":"root',
    }
    answer = shared_data_plane.http.get("/v1/content/photos/nowhere", headers=headers)
    request_id = answer.headers["x-request-id"]
    assert request_id != headers["X-Request-Id"]
    asked, done = pairs(shared_data_plane, request_id)
    assert len(asked) == len(done) == 1
    assert asked[0]["private"]["user_agent"] == agent
    assert asked[0]["client"] == "tester"


def test_more_requests_than_the_limit_are_503_with_retry_after(start_data_plane) -> None:
    plane = start_data_plane(CONTENTSERVER_MAX_CONNECTIONS="2")
    waiting = [Wire(plane) for _ in range(2)]
    for number, wire in enumerate(waiting):
        wire.send(
            f"PUT /v1/content/photos/wait{number} HTTP/1.1\r\nHost: a\r\n"
            "AUTH\r\nContent-Length: 1\r\n\r\n"
        )
    assert until(lambda: plane.http.get("/v1/content/photos/a").status_code == 503)
    assert plane.http.get("/v1/content/photos/a").headers["retry-after"]
    for wire in waiting:
        wire.send("", b"x")
        assert wire.answer()[0] == 201
    assert plane.http.get("/v1/content/photos/a").status_code == 404
