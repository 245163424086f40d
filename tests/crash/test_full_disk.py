"""A full disk, no inodes, a read-only remount: writes are refused by name, reads go on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.errors import NoSpace, NotStored, StoreError, Unavailable
from contentserver.store.roots import create_root
from contentserver.store.store import Store
from tests.crash.power_cut import Image
from tests.support.stores import COLLECTION, Machine, get, make_machine, photo, put

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        os.geteuid() != 0
        or not Path("/dev/loop-control").exists()
        or shutil.which("mkfs.ext4") is None,
        reason="needs root, loop devices and mkfs.ext4",
    ),
]
BODY = os.urandom(1 << 20)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    image = Image("ext4", tmp_path)
    with image.mounted() as mountpoint:
        yield mountpoint


@pytest.fixture
def disk(small: Path, tmp_path: Path) -> Machine:
    """A machine whose one root is the small disk."""
    machine = make_machine(tmp_path / "machine", {"2026": [("root-1", "open")]})
    create_root(small / "root-1", "root-1")
    machine.paths = [small / "root-1"]
    return machine


def fill(folder: Path) -> Path:
    """Take every block that is left."""
    path = folder / "filler"
    with path.open("wb") as file:
        at = 0
        for step in (1 << 20, 1 << 16, 1 << 12, 1 << 10):
            with suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), at, step)
                    at += step
    return path


def use_up_inodes(folder: Path) -> None:
    folder.mkdir()
    for number in range(1_000_000):
        (folder / str(number)).touch()


def test_a_full_disk_refuses_writes_and_goes_on_reading(small: Path, disk: Machine) -> None:
    store = disk.open()
    put(store, BODY, key="old")
    filler = fill(small)
    for number in range(20):
        with pytest.raises(NoSpace):
            put(store, BODY, key=f"new/{number}")
    with pytest.raises(NoSpace):
        store.create_upload(actor="t", metadata=photo("kept"), length=1)
    assert get(store, key="old") == BODY
    _nothing_half_visible(store, disk)
    filler.unlink()
    assert put(store, BODY, key="new/0").created
    store.close()


def test_an_upload_that_met_a_full_disk_goes_on_when_there_is_room(
    small: Path, disk: Machine
) -> None:
    """What was acknowledged before stays; the rest is sent again. Without a length it has no room
    of its own.
    """
    store = disk.open()
    with store.create_upload(actor="t", metadata=photo()) as upload:
        upload.write(BODY)
        upload.end_part()
        filler = fill(small)
        with pytest.raises(NoSpace):
            upload.write(BODY)
        assert upload.offset == len(BODY)
        filler.unlink()
        upload.write(BODY)
        upload.end_part()
        upload.set_length(2 * len(BODY))
        upload.commit(actor="t")
    assert get(store) == BODY + BODY
    store.close()


def test_without_inodes_nothing_is_written(small: Path, disk: Machine) -> None:
    store = disk.open()
    put(store, b"old", key="old")
    with pytest.raises(OSError, match="No space"):
        use_up_inodes(small / "crowd")
    with pytest.raises(NoSpace):
        put(store, b"new", key="new")
    assert get(store, key="old") == b"old"
    _nothing_half_visible(store, disk)
    store.close()


def test_a_read_only_disk_is_read(small: Path, disk: Machine) -> None:
    store = disk.open()
    put(store, BODY, key="old")
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    with pytest.raises(Unavailable, match="Read-only"):
        put(store, BODY, key="new")
    with pytest.raises(StoreError):
        store.delete(COLLECTION, "old", actor="t")
    assert get(store, key="old") == BODY
    store.close()
    again = disk.open()
    assert get(again, key="old") == BODY
    with pytest.raises(NotStored):
        get(again, key="new")
    again.close()


def _nothing_half_visible(store: Store, disk: Machine) -> None:
    store.recover()
    keys = {one.metadata.key for one in store.iter_stored()}  # type: ignore[union-attr]
    assert keys == {"old"}
    assert list(disk.paths[0].glob("staging/*.put")) == []


def test_what_an_upload_announced_has_room_on_a_disk_that_others_fill(
    small: Path, disk: Machine
) -> None:
    store = disk.open()
    _, free, *_ = fileops.space(store._environment.roots.first().fd)
    body = os.urandom(free // 4)
    with store.create_upload(actor="t", metadata=photo("held"), length=len(body)) as upload:
        pass
    with pytest.raises(NoSpace):
        store.create_upload(actor="t", metadata=photo("other"), length=free * 9 // 10)
    filler = fill(small)
    with store.open_upload(upload.id) as upload:
        upload.write(body)
        upload.end_part()
        filler.unlink()  # directories and the info need some blocks of their own
        upload.commit(actor="t")
    assert get(store, key="held") == body
    store.close()


def test_a_removed_upload_gives_its_room_back_to_the_disk(disk: Machine) -> None:
    store = disk.open()
    root = store._environment.roots.first().fd
    before = fileops.space(root)[1]
    with store.create_upload(actor="t", metadata=photo(), length=before // 2) as upload:
        assert fileops.space(root)[1] < before * 6 // 10
        upload.delete()
    assert fileops.space(root)[1] > before * 98 // 100
    store.close()
