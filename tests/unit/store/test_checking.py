"""A check sees what would be stored, and what it refuses is not."""

import os
from collections.abc import Iterable

import pytest

from contentserver.store.errors import (
    CheckUnavailable,
    Corrupt,
    DigestMismatch,
    NotStored,
    Refused,
    UploadUnknown,
)
from contentserver.store.metadata import Metadata
from contentserver.store.store import Store
from tests.support.stores import Clock, Machine, get, photo, put

BODY = os.urandom(700_000)


class Watching:
    """A check that remembers what it was shown, and raises what it is told to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.shown: list[tuple[Metadata, bytes]] = []

    def __call__(self, metadata: Metadata, data: Iterable[bytes]) -> None:
        self.shown.append((metadata, b"".join(data)))
        if self.error is not None:
            raise self.error


def stage(store: Store, parts: int = 1, **rest: object) -> object:
    """The id of an upload that has all its bytes."""
    step = -(-len(BODY) // parts)
    with store.create_upload(actor="t", metadata=photo(), length=len(BODY), **rest) as upload:
        for at in range(0, len(BODY), step):
            upload.write(BODY[at : at + step])
            upload.end_part()
    return upload.id


def test_a_put_is_shown_whole_with_its_digest(store: Store) -> None:
    check = Watching()
    receipt = put(store, BODY, check=check)
    ((metadata, shown),) = check.shown
    assert (shown, metadata.sha256, metadata.key) == (BODY, receipt.sha256.hex(), "a/1.jpg")


@pytest.mark.parametrize("parts", [1, 3])
def test_an_upload_is_shown_whole_however_it_came(store: Store, parts: int) -> None:
    check = Watching()
    with store.open_upload(stage(store, parts)) as upload:
        upload.commit(actor="t", check=check)
    assert [shown for _, shown in check.shown] == [BODY]
    assert get(store) == BODY


def test_an_empty_file_is_shown_too(store: Store) -> None:
    check = Watching()
    put(store, b"", check=check)
    assert [shown for _, shown in check.shown] == [b""]


def test_each_look_at_the_bytes_begins_anew(store: Store) -> None:
    def twice(metadata: Metadata, data: Iterable[bytes]) -> None:
        first = next(iter(data))
        assert b"".join(data).startswith(first)
        assert b"".join(data) == BODY

    put(store, BODY, check=twice)


def test_a_refused_put_leaves_nothing(store: Store, machine: Machine) -> None:
    with pytest.raises(Refused, match="not here"):
        put(store, BODY, check=Watching(Refused("not here")))
    with pytest.raises(NotStored):
        get(store)
    assert list((machine.folder / "root-1" / "staging").iterdir()) == []


def test_a_refused_upload_stays_and_can_be_removed(store: Store) -> None:
    upload_id = stage(store)
    with store.open_upload(upload_id) as upload, pytest.raises(Refused):
        upload.commit(actor="t", check=Watching(Refused("no")))
    with store.open_upload(upload_id) as upload:
        assert (upload.offset, upload.refused) == (len(BODY), "no")
        upload.delete()
    with pytest.raises(UploadUnknown):
        store.open_upload(upload_id)


def test_its_client_may_ask_again(store: Store) -> None:
    upload_id = stage(store)
    with store.open_upload(upload_id) as upload:
        with pytest.raises(Refused):
            upload.commit(actor="t", check=Watching(Refused("no")))
        assert upload.commit(actor="t", check=Watching()).created


def test_bytes_with_the_wrong_digest_are_not_shown(store: Store) -> None:
    check = Watching()
    with pytest.raises(DigestMismatch):
        put(store, BODY, sha256=bytes(32), check=check)
    assert check.shown == []


def test_a_damaged_byte_is_never_shown_as_good(store: Store, machine: Machine) -> None:
    upload_id = stage(store)
    part = machine.folder / "root-1" / "staging" / str(upload_id) / "part.1"
    raw = bytearray(part.read_bytes())
    raw[300_000] ^= 1
    part.write_bytes(raw)
    check = Watching()
    with store.open_upload(upload_id) as upload, pytest.raises(Corrupt):
        upload.commit(actor="t", check=check)
    assert check.shown == []


def test_a_committed_upload_is_not_checked_again(store: Store) -> None:
    check = Watching()
    with store.open_upload(stage(store)) as upload:
        assert upload.commit(actor="t", check=check) == upload.commit(actor="t", check=check)
    assert len(check.shown) == 1


def test_recovery_checks_what_it_commits(machine: Machine) -> None:
    check = Watching()
    store = machine.open(check=check)
    stage(store, commit_auto=True)
    assert len(store.recover()) == 1
    assert [shown for _, shown in check.shown] == [BODY]
    store.close()


def test_what_was_refused_is_not_checked_again_and_expires(machine: Machine, clock: Clock) -> None:
    check = Watching(Refused("no"))
    store = machine.open(check=check)
    upload_id = stage(store, commit_auto=True)
    for _ in range(3):
        assert store.recover() == []
    assert len(check.shown) == 1
    assert store.expire_uploads() == 0
    clock.forward(3601)
    assert store.expire_uploads() == 1
    with pytest.raises(UploadUnknown):
        store.open_upload(upload_id)
    store.close()


def test_what_cannot_be_checked_waits_beyond_its_time(machine: Machine, clock: Clock) -> None:
    check = Watching(CheckUnavailable("away"))
    store = machine.open(check=check)
    stage(store, commit_auto=True)
    clock.forward(3601)
    assert store.recover() == []
    assert store.expire_uploads() == 0
    check.error = None
    assert len(store.recover()) == 1
    assert get(store) == BODY
    store.close()


def test_a_commit_that_broke_off_after_its_link_is_not_checked_again(
    store: Store, machine: Machine
) -> None:
    """The version is there: it passed before it was placed."""
    from contentserver.store import fileops

    def fail(name: str) -> None:
        if name == "sync_slot_dir":
            fileops.step_hook = None
            raise OSError(5, "injected")

    upload_id = stage(store, commit_auto=True)
    with store.open_upload(upload_id) as upload:
        fileops.step_hook = fail
        with pytest.raises(Exception, match="injected"):
            upload.commit(actor="t", check=Watching())
    refusing = machine.open(check=Watching(Refused("no")))
    assert len(refusing.recover()) == 1
    assert get(store) == BODY
    refusing.close()
