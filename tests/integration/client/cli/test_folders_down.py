"""Folders on their way here: whole, verified, and never anywhere else."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.client.cli.conftest import Contentctl
from tests.integration.client.cli.front import Front, running_front
from tests.support.plane import DataPlane

NAMES = ("a.png", "box 1/b.png", "box 1/ü/c.png", "d.png", "e")


@pytest.fixture
def front(shared_data_plane: DataPlane, contentctl: Contentctl) -> Iterator[Front]:
    with running_front(shared_data_plane.http) as front:
        contentctl.environment["CONTENTSERVER_URL"] = front.url
        yield front


@pytest.fixture
def keys(shared_data_plane: DataPlane, front: Front, prefix: str) -> dict[str, bytes]:
    """Five files in the list, in more than two pages."""
    stored = {f"{prefix}{name}": os.urandom(9_000) for name in NAMES}
    for key, body in stored.items():
        shared_data_plane.http.put(f"/v1/content/photos/{key}", content=body).raise_for_status()
    front.show(stored)
    return stored


def found(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def states(ran: object) -> dict[str, str]:
    return {line["key"]: line["state"] for line in ran.lines if "key" in line}


def test_every_file_comes_down_and_the_second_time_none(
    contentctl: Contentctl, front: Front, keys: dict[str, bytes], prefix: str, tmp_path: Path
):
    first = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back", "--json")
    assert first.status == 0
    assert found(tmp_path / "back") == {key.removeprefix(prefix): keys[key] for key in keys}
    front.fetched.clear()
    again = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back", "--json")
    assert set(states(again).values()) == {"unchanged"}
    assert front.fetched == []


def test_a_copy_that_is_killed_goes_on_with_the_next_file(
    contentctl: Contentctl, front: Front, keys: dict[str, bytes], prefix: str, tmp_path: Path
):
    command = ("cp", "-r", f"photos/{prefix}", tmp_path / "back", "--jobs", "1")
    running = contentctl.start(*command)
    front.on_fetch = lambda number: running.kill() if number == 3 else None
    running.communicate(timeout=60)
    assert running.returncode == -signal.SIGKILL
    assert len(front.fetched) == 3
    front.fetched.clear()
    again = contentctl(*command, "--json")
    assert (again.status, again.lines[-1]["summary"]["unchanged"]) == (0, 2)
    assert len(front.fetched) == 3
    assert found(tmp_path / "back") == {key.removeprefix(prefix): keys[key] for key in keys}


def test_a_file_that_is_here_already_is_compared_and_not_fetched(
    contentctl: Contentctl, front: Front, keys: dict[str, bytes], prefix: str, tmp_path: Path
):
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "a.png").write_bytes(keys[f"{prefix}a.png"])
    (tmp_path / "back" / "d.png").write_bytes(b"x" * 9_000)
    ran = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back", "--json")
    assert states(ran)[f"{prefix}a.png"] == "unchanged"
    assert states(ran)[f"{prefix}d.png"] == "copied"


def test_another_file_in_its_place_is_left_when_asked_to(
    contentctl: Contentctl, keys: dict[str, bytes], prefix: str, tmp_path: Path
):
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "a.png").write_bytes(b"mine")
    ran = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back", "--no-clobber", "--json")
    assert states(ran)[f"{prefix}a.png"] == "skipped"
    assert (tmp_path / "back" / "a.png").read_bytes() == b"mine"


def test_damaged_bytes_never_stand_under_the_files_name(
    contentctl: Contentctl, front: Front, keys: dict[str, bytes], prefix: str, tmp_path: Path
):
    front.damaged = {"d.png"}
    ran = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back")
    assert ran.status == 1
    assert f"failed {prefix}d.png: damaged on the way down" in ran.err
    assert set(found(tmp_path / "back")) == set(NAMES) - {"d.png"}
    got = contentctl("get", f"photos/{prefix}d.png", tmp_path / "d.png")
    assert got.status == 6
    assert not (tmp_path / "d.png").exists()
    streamed = contentctl("get", f"photos/{prefix}e", tmp_path / "e")
    assert streamed.status == 0


def test_a_damaged_stream_ends_with_its_own_status(
    contentctl: Contentctl, front: Front, shared_data_plane: DataPlane, prefix: str
):
    shared_data_plane.http.put(f"/v1/content/photos/{prefix}a", content=b"letter\n")
    front.damaged = {f"{prefix}a"}
    got = contentctl("get", f"photos/{prefix}a", "-")
    assert got.status == 6
    assert got.out == "metter\n"
    assert "Do not use what arrived" in got.err
    assert "verified" not in got.err


@pytest.mark.parametrize(
    "rest", ["../../evil", "..", "a/../../evil", "/etc/evil", "a//b", "a\x00b"]
)
def test_no_key_of_a_hostile_list_writes_outside_of_the_folder(
    contentctl: Contentctl, front: Front, prefix: str, tmp_path: Path, rest: str
):
    front.show([f"{prefix}x"])
    front.entries[0]["key"] = f"{prefix}{rest}"
    before = set(tmp_path.rglob("*"))
    ran = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "deep" / "back")
    assert ran.status == 1
    assert front.fetched == []
    assert not [path for path in set(tmp_path.rglob("*")) - before if path.name == "evil"]


def test_a_key_outside_of_the_prefix_is_not_written(
    contentctl: Contentctl, front: Front, prefix: str, tmp_path: Path
):
    front.show([f"{prefix}x"])
    front.page = lambda _: {"next": None, "results": [{**front.entries[0], "key": "other/x"}]}
    assert contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back").status == 1
    assert found(tmp_path / "back") == {}


def test_nothing_is_written_through_a_link(
    contentctl: Contentctl, keys: dict[str, bytes], prefix: str, tmp_path: Path
):
    (tmp_path / "outside").mkdir()
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / "box 1").symlink_to(tmp_path / "outside")
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "back" / "a.png").symlink_to(tmp_path / "precious")
    ran = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back")
    assert ran.status == 1
    assert ran.err.count("symbolic link") == 2
    assert list((tmp_path / "outside").iterdir()) == []
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_key_that_is_a_folder_too_gives_way_and_is_reported(
    contentctl: Contentctl, front: Front, shared_data_plane: DataPlane, prefix: str, tmp_path: Path
):
    stored = {f"{prefix}box": b"file", f"{prefix}box/inside": b"inside"}
    for key, body in stored.items():
        shared_data_plane.http.put(f"/v1/content/photos/{key}", content=body)
    front.show(stored)
    ran = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back", "--json")
    assert states(ran) == {f"{prefix}box": "failed", f"{prefix}box/inside": "copied"}
    assert ran.status == 1


def test_what_changes_while_the_list_is_read_is_not_missed(
    contentctl: Contentctl, front: Front, keys: dict[str, bytes], prefix: str, tmp_path: Path
):
    """A file of the last page wanders to the first while the second is read."""
    page, asked = front.page, []

    def moving(query):
        asked.append(query)
        if len(asked) == 2:
            moved = front.entries.pop()
            front.entries.insert(0, {**moved, "committed_at": "2026-02-01T00:00:00Z"})
        return page(query)

    front.page = moving
    ran = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back")
    assert ran.status == 0
    assert set(found(tmp_path / "back")) == set(NAMES)


def test_a_dry_run_makes_not_even_the_folder(
    contentctl: Contentctl, front: Front, keys: dict[str, bytes], prefix: str, tmp_path: Path
):
    ran = contentctl("cp", "-r", f"photos/{prefix}", tmp_path / "back", "--dry-run", "--json")
    assert set(states(ran).values()) == {"planned"}
    assert not (tmp_path / "back").exists()
    assert front.fetched == []


def test_the_list_is_in_the_order_of_keys_and_whole(
    contentctl: Contentctl, keys: dict[str, bytes], prefix: str
):
    shown = contentctl("ls", f"photos/{prefix}")
    assert shown.out.splitlines() == sorted(f"photos/{key}" for key in keys)
    assert "5 files" in shown.err
    listed = contentctl("ls", f"photos/{prefix}", "--json").lines
    assert {line["key"]: line["size"] for line in listed} == dict.fromkeys(keys, 9_000)
    assert "9.0 kB" in contentctl("ls", f"photos/{prefix}", "--long").out
