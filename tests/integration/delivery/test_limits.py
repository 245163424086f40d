"""Limits on the wire. The promise: a client beyond its own is told when to come back, and nobody
who lacks its secret can take its place, from another network or from behind the same address.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from skold import credentials
from tests.support.plane import DataPlane
from tests.support.records import pairs, records, until

PATH = "/v1/content/photos/a.jpg"
RATE = 20


@pytest.fixture
def plane(start_data_plane: Callable[..., DataPlane]) -> DataPlane:
    plane = start_data_plane(SKOLD_ADDRESS_LIMIT="400", SKOLD_GUESSING_ALARM="30")
    plane.http.put(PATH, content=b"x").raise_for_status()
    plane.limited = plane.add_client("limited", requests_per_second=RATE)  # type: ignore[attr-defined]
    plane.busy = plane.add_client("busy", requests_per_second=200)  # type: ignore[attr-defined]
    plane.obey()
    return plane


def caller(plane: DataPlane, key: str | None, address: str) -> httpx.Client:
    return plane.client(key, transport=httpx.HTTPTransport(local_address=address))


def forged(key: str) -> str:
    """The client's key id with another secret, well-formed: only the gate can tell."""
    body = key[:30] + ("A" if key[30] != "A" else "B") + key[31:]
    body = body[: -credentials.CHECKSUM_LENGTH]
    return body + credentials._checksum(body)


@contextlib.contextmanager
def attack(plane: DataPlane, key: str, address: str) -> Iterator[list[int]]:
    """Somebody tries the client's key id from this address as fast as it goes."""
    over, codes = threading.Event(), []

    def run() -> None:
        with caller(plane, forged(key), address) as attacker:
            while not over.is_set():
                codes.append(attacker.get(PATH).status_code)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for each in threads:
        each.start()
    try:
        assert until(lambda: 429 in codes)
        yield codes
    finally:
        over.set()
        for each in threads:
            each.join()


def test_beyond_its_limit_a_client_is_429_and_told_when_to_come_back(plane: DataPlane) -> None:
    with caller(plane, plane.limited, "127.0.0.1") as client:  # type: ignore[attr-defined]
        answers = [client.get(PATH) for _ in range(RATE * 3)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= RATE
        assert refused[0].headers["retry-after"] == "1"
        assert refused[0].json()["type"].endswith("too_many_requests")
        time.sleep(1.1)
        assert client.get(PATH).status_code == 200
    asked, done = pairs(plane, refused[0].headers["x-request-id"])
    assert (asked[0]["reason"], asked[0]["client"]) == ("client_limit", "limited")
    assert done[0]["status"] == 429
    assert plane.http.get(PATH).status_code == 200, "no other client meets it"

    def noted() -> int:
        found = [each for each in records(plane) if each.get("reason") == "client_limit"]
        return sum(each.get("count", 1) for each in found)

    assert until(lambda: noted() == len(refused))
    metrics = httpx.get(plane.url + "/metrics").text
    assert 'contentserver_limited_requests_total{client="limited",reason="client_limit"}' in metrics


@pytest.mark.parametrize("where", ["127.9.9.9", "127.0.0.9", "127.0.0.1"])
def test_who_tries_its_key_id_takes_nothing_from_a_client(plane: DataPlane, where: str) -> None:
    """From another network, the same network, and behind the very same address (NAT)."""
    key: str = plane.busy  # type: ignore[attr-defined]
    with caller(plane, key, "127.0.0.1") as client, attack(plane, key, where) as codes:
        began, got = time.monotonic(), []
        for number in range(60):
            time.sleep(max(0.0, began + number / 40 - time.monotonic()))
            got.append(client.get(PATH).status_code)
        before = len(codes)
    assert got == [200] * 60
    assert before > 60, "it was an attack"
    assert set(codes) <= {401, 429}


def test_guessing_is_an_alarm_a_warning_and_a_number(plane: DataPlane) -> None:
    def alarms(by: str) -> float:
        lines = httpx.get(plane.url + "/metrics").text.splitlines()
        start = f'contentserver_guessing_alarms_total{{by="{by}"}} '
        return float(next(line for line in lines if line.startswith(start)).removeprefix(start))

    assert alarms("network") == alarms("credential") == 0
    with caller(plane, forged(plane.busy), "127.5.0.1") as guesser:  # type: ignore[attr-defined]
        for _ in range(35):
            guesser.get(PATH)
    assert alarms("network") == alarms("credential") == 1
    warnings = httpx.get(plane.url + "/readyz").json()["warnings"]
    assert any(warning.startswith("guessing:") for warning in warnings)
    assert "127.5." not in str(warnings)
    log = plane.read_log()
    assert "guessing_noticed" in log
    assert "127.5.0" not in log
    assert 'contentserver_refused_credentials_total{reason="wrong_secret"} 35.0' in (
        httpx.get(plane.url + "/metrics").text
    )
