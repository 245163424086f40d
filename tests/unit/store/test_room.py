"""What an upload has announced has room, whoever else comes, and gives it back when it ends."""

import os
from pathlib import Path
from uuid import UUID

import pytest

from contentserver.store import fileops
from contentserver.store.errors import NoSpace
from contentserver.store.room import ROOM
from contentserver.store.store import Store
from contentserver.store.upload import Upload
from tests.support.stores import Clock, Machine, get, photo, put

MIB = 1 << 20
DISK = 100 * MIB


def held(machine: Machine) -> int:
    """Bytes of the file system that belong to uploads, in whole MiB."""
    files = (machine.folder / "root-1" / "staging").rglob("*")
    return round(sum(path.lstat().st_blocks * 512 for path in files if path.is_file()) / MIB)


@pytest.fixture(autouse=True)
def small_disk(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk of 100 MiB, of which uploads alone take anything."""
    monkeypatch.setattr(fileops, "space", lambda fd: (DISK, DISK - held(machine) * MIB, 1000, 1000))


def announce(store: Store, length: int | None, key: str = "a") -> Upload:
    return store.create_upload(actor="t", metadata=photo(key), length=length)


def info_folder(machine: Machine, upload_id: UUID) -> Path:
    return machine.folder / "root-1" / "staging" / str(upload_id)


def test_an_announced_length_is_held_before_its_first_byte(store: Store, machine: Machine) -> None:
    with announce(store, 40 * MIB) as upload:
        assert held(machine) == 40
        assert (info_folder(machine, upload.id) / ROOM).stat().st_size == 0


def test_what_others_hold_is_not_promised_again(store: Store, machine: Machine) -> None:
    announce(store, 60 * MIB).close()
    other_process = machine.open()
    with pytest.raises(NoSpace):
        announce(other_process, 60 * MIB, "b")
    assert held(machine) == 60
    assert len(list((machine.folder / "root-1" / "staging").iterdir())) == 1, "nothing is left"
    announce(other_process, 30 * MIB, "c").close()
    other_process.close()


def test_a_hundredth_of_the_disk_stays_free_for_the_rest(store: Store) -> None:
    with pytest.raises(NoSpace):
        announce(store, DISK - MIB)


def test_it_holds_the_same_after_the_process_died(
    store: Store, machine: Machine, clock: Clock
) -> None:
    announce(store, 40 * MIB).close()
    store.close()
    restarted = machine.open()
    restarted.recover()
    assert held(machine) == 40
    clock.forward(4000)
    assert restarted.expire_uploads() == 1
    assert held(machine) == 0
    restarted.close()


def test_a_removed_upload_gives_its_room_back(store: Store, machine: Machine) -> None:
    with announce(store, 60 * MIB) as upload:
        upload.delete()
    assert held(machine) == 0
    announce(store, 60 * MIB, "b").close()


def test_a_room_lost_in_a_power_cut_is_taken_again(store: Store, machine: Machine) -> None:
    with announce(store, 40 * MIB) as upload:
        pass
    (info_folder(machine, upload.id) / ROOM).unlink()
    store.recover()
    assert held(machine) == 40


def test_the_first_part_takes_no_more_than_was_held(store: Store, machine: Machine) -> None:
    with announce(store, 20 * MIB) as upload:
        upload.write(bytes(20 * MIB))
        assert held(machine) == 20
        upload.end_part()
        assert held(machine) == 20
        assert not (info_folder(machine, upload.id) / ROOM).exists()
        upload.commit(actor="t")
    (stored,) = (machine.folder / "root-1" / "2026").rglob("*.1")
    kept = store.open_latest("photos", "a")
    assert stored.stat().st_blocks * 512 - stored.stat().st_size < 8192
    assert kept.size == 20 * MIB
    kept.close()
    assert held(machine) == 0


def test_several_parts_have_room_for_the_body_they_are_joined_to(
    store: Store, machine: Machine
) -> None:
    body = os.urandom(20 * MIB)
    with announce(store, len(body)) as upload:
        upload.write(body[: 5 * MIB])
        upload.end_part()
        assert held(machine) == 5 + 15 + 20
        upload.write(body[5 * MIB :])
        upload.end_part()
        assert held(machine) == 20 + 20
        announce(store, 50 * MIB, "b").close()
        upload.commit(actor="t")
    assert get(store, key="a") == body
    (stored,) = (machine.folder / "root-1" / "2026").rglob("*.1")
    assert stored.stat().st_blocks * 512 - stored.stat().st_size < 8192, "all else is given back"


def test_a_disk_too_full_to_join_still_takes_the_bytes(store: Store, machine: Machine) -> None:
    with announce(store, 60 * MIB) as upload:
        upload.write(bytes(5 * MIB))
        upload.end_part()
        assert held(machine) == 5 + 55, "not the 60 more that joining needs"


def test_a_part_whose_checksum_was_wrong_leaves_what_was_held(
    store: Store, machine: Machine
) -> None:
    with announce(store, 40 * MIB) as upload:
        upload.write(bytes(3 * MIB))
        upload.abort_part()
        assert (upload.offset, held(machine)) == (0, 40)


def test_a_length_announced_late_is_held_or_refused(store: Store, machine: Machine) -> None:
    with announce(store, None) as upload:
        assert held(machine) == 0
        with pytest.raises(NoSpace):
            upload.set_length(2 * DISK)
        assert upload.length is None
        upload.set_length(30 * MIB)
        assert held(machine) == 30
    with store.open_upload(upload.id) as again:
        assert again.length == 30 * MIB


def test_a_length_announced_after_a_part_holds_the_joined_body_too(
    store: Store, machine: Machine
) -> None:
    with announce(store, None) as upload:
        upload.write(bytes(5 * MIB))
        upload.end_part()
        with pytest.raises(NoSpace):
            upload.set_length(60 * MIB)
        upload.set_length(20 * MIB)
        assert held(machine) == 5 + 15 + 20


def test_a_long_put_is_refused_before_its_first_byte(store: Store, machine: Machine) -> None:
    announce(store, 60 * MIB).close()
    with (
        store.create_upload(actor="t", metadata=photo("b"), length=60 * MIB, direct=True) as upload,
        pytest.raises(NoSpace),
    ):
        upload.write(b"first")
    assert held(machine) == 60


def test_a_short_put_asks_nothing_of_the_file_system(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fileops, "reserve", lambda *_: pytest.fail("asked"))
    assert put(store, bytes(64 << 10)).created


def test_a_file_system_that_reserves_nothing_is_only_looked_at(
    store: Store, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fileops, "hold_room", lambda fd, length: False)
    with announce(store, 40 * MIB) as upload:
        upload.write(bytes(40 * MIB))
        upload.commit(actor="t")
    with pytest.raises(NoSpace):
        announce(store, 2 * DISK, "b")


def test_a_torn_part_gives_back_what_lies_behind_it(store: Store, machine: Machine) -> None:
    with announce(store, 20 * MIB) as upload:
        upload.write(bytes(3 * MIB))
        upload._writer = None  # as if the process had died
    with store.open_upload(upload.id) as again:
        assert 2 * MIB < again.offset <= 3 * MIB
        assert held(machine) == 20 + 20, "its bytes, the rest, and the body of both"
