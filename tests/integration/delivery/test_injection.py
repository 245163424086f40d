"""What a request carries cannot forge a record or a line of the log: one `req` and one `done` for
each request, one JSON object a line, whatever stands in a header.
"""

import json
import socket
from collections.abc import Iterator

import pytest

from tests.support.plane import DataPlane
from tests.support.records import pairs, records

FORGED = '{"kind":"req","decision":"allow","client":"root","id":"forged"}'
VALUES = {
    "json": FORGED.encode(),
    "json_that_ends_ours": ('x","decision":"allow"},' + FORGED).encode(),
    "line_separators": ("x\u2028" + FORGED + "\u2029\u0085").encode(),
    "raw_controls": b"x\x7f\x1b[2J\x01\x0b\x0c" + FORGED.encode(),
    "not_utf8": b"\xff\xfe\xed\xa0\x80" + FORGED.encode(),
    "long": b"A" * 8192,
    "folded": b"x\r\n y" + FORGED.encode(),
    "another_header": b"x\r\nX-Evil: " + FORGED.encode(),
    "bare_lf": b"x\nX-Evil: " + FORGED.encode(),
    "bare_cr": b"x\r" + FORGED.encode(),
    "nul": b"x\x00" + FORGED.encode(),
}
HEADERS = ["User-Agent", "Referer", "X-Request-Id", "On-Behalf-Of", "Content-Type", "If-None-Match"]
NO_HTTP = {"folded", "bare_lf", "bare_cr", "nul", "raw_controls"}
"""What a server may refuse as no HTTP at all (RFC 9112 section 2.2, RFC 9110 section 5.5)."""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = DataPlane(
        tmp_path_factory.mktemp("injection") / "home", CONTENTSERVER_LOG_LEVEL="DEBUG"
    )
    try:
        yield plane.start()
    finally:
        plane.close()


def send(plane: DataPlane, key: str, header: str, value: bytes) -> bytes:
    """The head of the answer to a request with this header exactly as given."""
    with socket.create_connection(("127.0.0.1", plane.config.port), timeout=10) as wire:
        wire.sendall(
            f"GET /v1/content/photos/{key} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            f"Authorization: Bearer {plane.api_key}\r\n{header}: ".encode()
            + value
            + b"\r\n\r\n"
        )
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
    return answer.partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("kind", VALUES)
def test_each_request_leaves_its_own_pair_and_nothing_else(
    plane: DataPlane, header: str, kind: str
) -> None:
    key = f"{header}-{kind}"
    head = send(plane, key, header, VALUES[kind]).lower()
    status = int(head.split(b" ", 2)[1])
    assert status in {400, 401, 404}
    assert b"x-evil" not in head
    ids = [line[14:].decode() for line in head.split(b"\r\n") if line[:14] == b"x-request-id: "]
    if not ids:
        assert kind in NO_HTTP, "only what is no HTTP reaches nobody"
    for request_id in ids:
        assert "{" not in request_id
        asked, done = pairs(plane, request_id)
        assert (len(asked), len(done)) == (1, 1)
        assert asked[0]["client" if status == 404 else "plane"] in {"tester", "data"}
        assert len(asked[0]["private"].get("user_agent", "")) <= 256
    found = records(plane)
    assert "forged" not in {each.get("id") for each in found}
    assert "root" not in {each.get("client") for each in found}


def test_the_log_is_one_object_a_line_and_knows_no_forged_one(plane: DataPlane) -> None:
    for kind, value in VALUES.items():
        send(plane, f"log-{kind}", "User-Agent", value)
    for line in plane.read_log().splitlines():
        entry = json.loads(line)
        assert entry.get("kind") != "req"
        assert entry.get("id") != "forged"
