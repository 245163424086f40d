"""Comparisons in shadow: recorded apart, and never a difference that is none."""

import base64
from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.records import pairs
from tests.support.sources import Moving

NUMBERS = count(1)
SAME, OTHER = b"the same on both sides", b"something else"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    plane = Moving(tmp_path_factory.mktemp("shadow") / "home")
    try:
        yield plane.start()
    finally:
        plane.close()


@pytest.fixture
def key() -> str:
    return f"{next(NUMBERS)}.jpg"


def compared(plane: Moving, key: str, collection: str = "shadow") -> str:
    """Read once; the outcome of the comparison."""
    answer = plane.http.get(f"/v1/content/{collection}/{key}")
    asked, done = pairs(plane, answer.headers["x-request-id"] + ":compare")
    assert [(each["action"], each["resource"], each["client"]) for each in asked] == [
        ("compare", "shadow", "migrator")
    ]
    assert asked[0]["private"]["key"] == key
    return str(done[0]["outcome"])


def test_equal_bytes_are_the_same(plane: Moving, key: str) -> None:
    plane.legacy.put("shadow", key, SAME)
    plane.store("shadow", key, SAME)
    assert compared(plane, key) == "same"
    plane.legacy.put("shadow", key, SAME, stream=True)
    assert compared(plane, key) == "same"


def test_other_bytes_differ(plane: Moving, key: str) -> None:
    plane.legacy.put("shadow", key, SAME)
    plane.store("shadow", key, OTHER)
    assert compared(plane, key) == "different"
    assert "differs between legacy and disk" in plane.read_log()


def test_a_change_under_way_is_no_difference(plane: Moving, key: str) -> None:
    plane.legacy.put("shadow", key, SAME)
    plane.store("shadow", key, OTHER)
    plane.legacy.set_pending("shadow", key)
    assert compared(plane, key) == "pending"


def test_what_sync_brings_meanwhile_is_no_difference(plane: Moving, key: str) -> None:
    plane.legacy.put("shadow", key, SAME)
    plane.store("shadow", key, OTHER)
    arriving = base64.b64encode(SAME).decode()
    plane.legacy.set_pending("shadow", key, pending=False, then_store=arriving)
    assert compared(plane, key) == "same"


def test_a_file_not_moved_yet_is_no_difference(plane: Moving, key: str) -> None:
    plane.legacy.put("shadow", key, SAME)
    assert compared(plane, key) == "pending"


def test_a_file_that_only_one_side_deleted_differs(plane: Moving, key: str) -> None:
    plane.store("shadow", key, SAME)
    assert compared(plane, key) == "different"
    plane.mark_deleted("shadow", key)
    assert compared(plane, key) == "same"
    plane.legacy.put("shadow", key, SAME)
    assert compared(plane, key) == "different"


def test_a_damaged_file_on_disk_differs(plane: Moving, key: str) -> None:
    plane.legacy.put("shadow", key, SAME)
    plane.store("shadow", key, SAME)
    address = plane.address("shadow", key)
    (stored,) = plane.config.roots[0].rglob(f"{address}.1")
    stored.chmod(0o644)
    raw = bytearray(stored.read_bytes())
    raw[-1] ^= 1
    stored.write_bytes(raw)
    assert compared(plane, key) == "different"


def test_without_a_share_nothing_is_compared(plane: Moving, key: str) -> None:
    plane.legacy.put("legacy", key, SAME)
    answer = plane.http.get(f"/v1/content/legacy/{key}")
    pairs(plane, answer.headers["x-request-id"])
    assert not any(line.startswith("is_pending legacy") for line in plane.legacy.asked)
    (source,) = (each for each in plane.policy["attached"]["sources"] if each["name"] == "shadow")
    source["shadow_share"] = 0
    plane.obey()
    plane.legacy.put("shadow", key, SAME)
    before = plane.http.get("/metrics").text
    for _ in range(5):
        plane.http.get(f"/v1/content/shadow/{key}")
    after = plane.http.get("/metrics").text
    source["shadow_share"] = 100
    plane.obey()
    lines = [line for line in before.splitlines() if "shadow_comparisons" in line]
    assert lines == [line for line in after.splitlines() if "shadow_comparisons" in line]
    assert lines
