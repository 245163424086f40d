"""Unknown key id and wrong secret, absent, forbidden and outside a grant's years: indistinguishable
by bytes, by headers, by the work that is done for them, and in time.

Time is measured interleaved and compared by medians: whatever else the machine does meets both. The
bound is generous; a file opened or not, or a hash made or not, would be beyond it on an idle
machine. What is done is counted besides, which needs no bound.
"""

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import httpx
import pytest

from skold import credentials
from tests.support.past_years import open_years, put_in
from tests.support.plane import DataPlane
from tests.support.records import pairs

NOW = datetime.now(UTC).year
ROUNDS = 150
BOUND = 1.6
OWN = ("date", "x-request-id")
_networks = itertools.count()


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = DataPlane(tmp_path_factory.mktemp("alike") / "home")
    open_years(plane, NOW - 1)
    put_in(plane, NOW - 1, "there.jpg", b"x" * 100_000)
    plane.foreign = plane.add_client("foreign", collection="documents")  # type: ignore[attr-defined]
    plane.late = plane.add_client("late")  # type: ignore[attr-defined]
    plane.policy["grants"][-1] |= {"first_year": NOW, "last_year": None}
    plane.publish_policy()
    try:
        yield plane.start()
    finally:
        plane.close()


def unknown() -> str:
    return credentials.new_api_key().plaintext


def wrong(plane: DataPlane) -> str:
    """A well-formed key with a known id and another secret."""
    other = credentials.new_api_key().plaintext
    text = plane.api_key[: credentials.ID.stop] + other[credentials.ID.stop : -6]
    return text + credentials._checksum(text)


def timed(client: httpx.Client, url: str, key: str) -> tuple[float, httpx.Response]:
    began = time.perf_counter()
    answer = client.get(url, headers={"Authorization": f"Bearer {key}"})
    return time.perf_counter() - began, answer


def stranger(plane: DataPlane) -> httpx.Client:
    """In a network of its own, so that no flood is limited."""
    number = next(_networks)
    transport = httpx.HTTPTransport(local_address=f"127.{10 + number // 256}.{number % 256}.1")
    return plane.client(transport=transport)


def same_bytes(one: httpx.Response, other: httpx.Response) -> bool:
    def told(answer: httpx.Response) -> object:
        headers = [(n, v) for n, v in answer.headers.multi_items() if n not in OWN]
        return answer.status_code, headers, answer.content

    return told(one) == told(other)


def assert_alike(times: tuple[list[float], list[float]]) -> None:
    one, other = (statistics.median(each) for each in times)
    assert 1 / BOUND < one / other < BOUND, (one, other)


def test_unknown_key_and_wrong_secret(plane: DataPlane) -> None:
    times: tuple[list[float], list[float]] = ([], [])
    reasons = set()
    for number in range(ROUNDS // 8):
        with stranger(plane) as client:
            client.get("/v1/content/photos/there.jpg")
            for _ in range(8):
                pair = [
                    timed(client, "/v1/content/photos/there.jpg", key)
                    for key in (unknown(), wrong(plane))
                ]
                assert same_bytes(pair[0][1], pair[1][1])
                assert pair[0][1].status_code == 401
                for place, (seconds, _answer) in enumerate(pair):
                    times[place].append(seconds)
        if number == 0:
            reasons = {pairs(plane, a.headers["x-request-id"])[0][0]["reason"] for _, a in pair}
    assert reasons == {"unknown_key", "wrong_secret"}
    assert_alike(times)


@pytest.mark.parametrize(("who", "reason"), [("foreign", "no_grant"), ("late", "outside_years")])
def test_absent_and_what_may_not_be_seen(plane: DataPlane, who: str, reason: str) -> None:
    key: str = getattr(plane, who)
    urls = ("/v1/content/photos/there.jpg", "/v1/content/photos/nothing.jpg")
    keys = (key, plane.api_key if who == "foreign" else key)
    times: tuple[list[float], list[float]] = ([], [])
    with plane.client() as client:
        for _ in range(ROUNDS):
            pair = [timed(client, *asked) for asked in zip(urls, keys, strict=True)]
            assert same_bytes(pair[0][1], pair[1][1])
            assert pair[0][1].status_code == 404
            for place, (seconds, _answer) in enumerate(pair):
                times[place].append(seconds)
    asked, _ = pairs(plane, pair[0][1].headers["x-request-id"])
    assert asked[0]["reason"] == reason
    assert_alike(times)


def test_the_work_for_an_unknown_id_is_that_for_a_wrong_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.support.policies import Institution

    house = Institution()
    gate = house.gate()
    calls: list[str] = []

    def counted(name: str) -> Callable[..., object]:
        real = getattr(credentials, name)

        def call(*arguments: object) -> object:
            calls.append(name)
            return real(*arguments)

        return call

    for name in ("check", "digest", "parse_api_key", "_checksum"):
        monkeypatch.setattr(credentials, name, counted(name))
    body = house.key.plaintext[:-7] + "x"
    done = []
    for key in (body + credentials._checksum(body), unknown()):
        calls.clear()
        gate.identify(house.asks(authorization=f"Bearer {key}"))
        done.append(list(calls))
    assert done[0] == done[1]
    assert {"check", "digest"} <= set(done[0])
