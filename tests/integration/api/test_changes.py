"""The feed tells each version once, in the order of its numbers, to whoever keeps asking."""

import threading

import pytest
from django.db import connection
from rest_framework.test import APIClient

from contentserver.catalog.models import ChangeFeed
from contentserver.protocol.problems import PROBLEM_TYPES
from tests.support.catalog import Library, clear

pytestmark = pytest.mark.django_db


def read_on(api: APIClient, after: str, size: int = 7) -> tuple[list[int], str]:
    numbers: list[int] = []
    while True:
        answer = api.get("/api/v1/changes", {"after": after, "page_size": size})
        assert answer.status_code == 200, answer.content
        page = answer.json()
        numbers += [change["number"] for change in page["results"]]
        after = page["after"]
        if not page["more"]:
            return numbers, after


def test_a_reader_that_keeps_its_place_misses_nothing_and_sees_nothing_twice(
    api: APIClient, control_plane: Library
) -> None:
    seen: list[int] = []
    after = ""
    for number in range(30):
        control_plane.put(f"file-{number % 20}", str(number).encode())
        if number % 8 == 0:
            control_plane.carry()
            found, after = read_on(api, after)
            seen += found
    control_plane.delete("file-0")
    control_plane.carry()
    found, after = read_on(api, after)
    assert seen + found == list(range(1, 32))
    assert read_on(api, after)[0] == []


def test_each_change_says_what_happened_to_which_file(
    api: APIClient, control_plane: Library
) -> None:
    control_plane.put("a", b"abc")
    control_plane.delete("a")
    control_plane.carry()
    stored, deleted = api.get("/api/v1/changes").json()["results"]
    assert (stored["kind"], stored["key"], stored["size"]) == ("stored", "a", 3)
    assert (deleted["kind"], deleted["sha256"]) == ("deleted", None)
    assert stored["file"] == control_plane.store.address("photos", "a").hex()


def test_two_nodes_have_places_of_their_own_in_one_cursor(
    api: APIClient, control_plane: Library
) -> None:
    control_plane.put("a")
    control_plane.carry()
    _, after = read_on(api, "")
    control_plane.consumer._node = "node-2"
    control_plane.put("b")
    control_plane.carry()
    page = api.get("/api/v1/changes", {"after": after}).json()
    assert [(change["node"], change["number"]) for change in page["results"]] == [("node-2", 1)]
    assert page["after"].count(",") == 1


def test_a_place_in_a_feed_that_was_numbered_anew_is_refused(
    api: APIClient, control_plane: Library
) -> None:
    control_plane.put("a")
    control_plane.carry()
    _, after = read_on(api, "")
    clear()
    control_plane.rebuild().run()
    answer = api.get("/api/v1/changes", {"after": after})
    assert answer.status_code == 410
    assert answer.json()["type"] == PROBLEM_TYPES["feed_renewed"].type
    assert answer.json()["title"] == PROBLEM_TYPES["feed_renewed"].title
    assert "Begin again" in answer.json()["detail"]
    assert read_on(api, "")[0] == [1]


@pytest.mark.parametrize("after", ["x", "node-1:zz:1", "node-1:12345678:-1", ":::", "\0"])
def test_a_place_that_is_none_is_400(api: APIClient, after: str) -> None:
    assert api.get("/api/v1/changes", {"after": after}).status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_number_never_appears_below_one_that_was_read(
    api: APIClient, control_plane: Library
) -> None:
    """Two writers of one node (the bridge and a rebuild) at once; a reader all the while."""
    for number in range(60):
        control_plane.put(f"file-{number}")
    control_plane.store.outbox.fan_out(("catalog",))
    failures: list[Exception] = []

    def write(step: int) -> None:
        from contentserver.catalog.facts import facts_of
        from contentserver.catalog.writer import record

        try:
            infos = list(control_plane.store.iter_stored())[::step]
            for info in infos:
                record([facts_of(info)], node=control_plane.node)  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - reported by the test itself
            failures.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=(step,)) for step in (1, -1)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    after = ""
    while any(writer.is_alive() for writer in writers):
        found, after = read_on(api, after, size=3)
        seen += found
    found, after = read_on(api, after)
    assert not failures
    assert seen + found == list(range(1, 61))
    assert ChangeFeed.objects.get().next_number == 61
