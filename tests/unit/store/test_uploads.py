"""Stage one: offsets once acknowledged are never lowered, whatever breaks; and nothing is in the
clear.
"""

import contextlib
import itertools
import os
import threading
import time
from uuid import uuid4

import pytest

from contentserver.store import fileops, kept
from contentserver.store.address import Version
from contentserver.store.errors import (
    Corrupt,
    DigestMismatch,
    Erased,
    NotStored,
    PreconditionFailed,
    SlotTaken,
    TooLarge,
    UploadExpired,
    UploadIncomplete,
    UploadLocked,
    UploadUnknown,
)
from contentserver.store.kept import PARTS_LIMIT
from contentserver.store.staging import PartInfo, with_part
from contentserver.store.store import Store
from tests.support.stores import COLLECTION, Clock, Machine, get, photo, put
from tests.support.tombstones import bury

BODY = bytes(range(256)) * 2000


def staged(machine: Machine) -> list[str]:
    return sorted(
        path.name for path in (machine.folder / "root-1" / "staging").rglob("*") if path.is_file()
    )


def test_it_goes_on_where_an_earlier_request_ended(store: Store) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=len(BODY)) as upload:
        upload_id = upload.id
        upload.write(BODY[:100_000])
        assert upload.end_part() == 100_000
    with store.open_upload(upload_id) as upload:
        assert upload.offset == 100_000
        upload.write(BODY[100_000:])
        upload.end_part()
        assert upload.commit(actor="t").version == Version(2026, 1)
    assert get(store) == BODY


def test_parts_of_any_number_become_one_body(store: Store) -> None:
    cuts = [0, 1, 1, 131_016, 131_017, 262_072, 400_000, len(BODY)]
    with store.create_upload(actor="t", metadata=photo(), length=len(BODY)) as upload:
        for start, end in itertools.pairwise(cuts):
            upload.write(BODY[start:end])
            upload.end_part()
        upload.commit(actor="t")
    assert get(store) == BODY


def test_one_part_becomes_the_file_as_it_stands(store: Store, machine: Machine) -> None:
    """No second writing of what may be gigabytes: the inode in the slot is the part's."""
    with store.create_upload(actor="t", metadata=photo(), length=len(BODY)) as upload:
        upload.write(BODY)
        upload.end_part()
        (part,) = machine.folder.glob("root-1/staging/*/part.1")
        inode = part.stat().st_ino
        upload.commit(actor="t")
    (slot,) = machine.folder.glob("root-1/2026/??/??/*")
    assert slot.stat().st_ino == inode


def test_nothing_staged_is_in_the_clear(store: Store, machine: Machine) -> None:
    with store.create_upload(
        actor="registrar", metadata=photo("students/ana.jpg", filename="ana.jpg"), length=20
    ) as upload:
        upload.write(b"plain body")
        upload.end_part()
        upload.write(b"plain body")
        upload.end_part()
        for path in (machine.folder / "root-1" / "staging").rglob("*"):
            raw = path.read_bytes() if path.is_file() else path.name.encode()
            assert not any(word in raw for word in (b"ana", b"photos", b"plain", b"registrar"))


def test_a_commit_is_answered_again_from_its_receipt(store: Store, clock: Clock) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=3) as upload:
        upload.write(b"one")
        receipt = upload.commit(actor="t")
    put(store, b"two")
    with store.open_upload(upload.id) as again:
        assert again.commit(actor="t") == receipt
        assert (again.offset, again.length) == (3, 3)
        with pytest.raises(TooLarge):
            again.write(b"x")
    assert store.find_receipt(upload.id) == receipt
    clock.forward(3601)
    with pytest.raises(UploadExpired):
        store.find_receipt(upload.id)


def test_it_has_no_receipt_before_its_commit(store: Store) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=3) as upload:
        assert store.find_receipt(upload.id) is None
    with pytest.raises(UploadUnknown):
        store.find_receipt(uuid4())


def test_a_refused_commit_can_be_tried_again(store: Store) -> None:
    put(store, b"zero")
    with store.create_upload(actor="t", metadata=photo(), length=3) as upload:
        upload.write(b"one")
        with pytest.raises(PreconditionFailed):
            upload.commit(actor="t", if_none_match=("*",))
        with pytest.raises(DigestMismatch):
            upload.commit(actor="t", sha256=bytes(32))
        assert upload.commit(actor="t").version == Version(2026, 2)
    assert get(store) == b"one"


def test_a_forgotten_part_leaves_the_offset_where_it_was(store: Store) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=6) as upload:
        upload.write(b"one")
        upload.end_part()
        upload.write(b"bad")
        upload.abort_part()
        assert upload.offset == 3
        upload.write(b"two")
        upload.commit(actor="t")
    assert get(store) == b"onetwo"


def test_a_request_that_breaks_off_keeps_what_it_sent(store: Store) -> None:
    class Broken(Exception):
        pass

    upload = store.create_upload(actor="t", metadata=photo(), length=6)
    with contextlib.suppress(Broken), upload:
        upload.write(b"one")
        raise Broken
    with store.open_upload(upload.id) as again:
        assert again.offset == 3


def test_an_empty_file_needs_no_part(store: Store) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=0) as upload:
        upload.commit(actor="t")
    assert get(store) == b""


def test_a_length_announced_late_is_kept(store: Store) -> None:
    with store.create_upload(actor="t", metadata=photo()) as upload:
        upload.write(b"one")
        upload.end_part()
        with pytest.raises(UploadIncomplete):
            upload.commit(actor="t")
        with pytest.raises(TooLarge):
            upload.set_length(2)
        upload.set_length(3)
    with store.open_upload(upload.id) as again:
        assert again.length == 3
        with pytest.raises(ValueError, match="once"):
            again.set_length(4)
        again.commit(actor="t")


def test_the_newer_request_takes_the_upload_from_the_older(store: Store, machine: Machine) -> None:
    older = store.create_upload(actor="t", metadata=photo(), length=6)
    older.write(b"one")
    newer_has_it = threading.Event()

    def take() -> None:
        with machine.open().open_upload(older.id) as newer:
            assert newer.offset == 3
            newer_has_it.set()

    thread = threading.Thread(target=take)
    thread.start()
    while not older.should_yield():
        assert not newer_has_it.is_set()
    older.close()
    thread.join(10)
    assert newer_has_it.is_set()


def test_an_importer_does_not_ask(store: Store) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=1) as upload:
        with pytest.raises(UploadLocked):
            store.open_upload(upload.id, newer=False)
        with pytest.raises(UploadLocked):
            store.open_upload(upload.id, patience=0.05)


def test_it_never_yields_once_its_commit_has_begun(store: Store, machine: Machine) -> None:
    seen: list[tuple[bool, bool]] = []
    upload = store.create_upload(actor="t", metadata=photo(), length=3)
    upload.write(b"one")
    answers: list[Version] = []

    def ask() -> None:
        with machine.open().open_upload(upload.id) as newer:
            answers.append(newer.commit(actor="t").version)

    newer = threading.Thread(target=ask)

    def look(name: str) -> None:
        if name == "link_slot":
            fileops.step_hook = None
            newer.start()
            while not upload._stage.is_wanted():
                time.sleep(0.001)
            seen.append((upload.should_yield(), bool(answers)))

    fileops.step_hook = look
    receipt = upload.commit(actor="t")
    upload.close()
    newer.join(10)
    assert seen == [(False, False)]
    assert answers == [receipt.version]


def test_an_empty_write_begins_no_part(store: Store, machine: Machine) -> None:
    """A request without a body must not turn an upload of one part into one of two."""
    with store.create_upload(actor="t", metadata=photo(), length=3) as upload:
        upload.write(b"one")
        upload.end_part()
        upload.write(b"")
        assert [name for name in staged(machine) if name.startswith("part")] == ["part.1"]


def test_an_id_is_used_once(store: Store) -> None:
    upload_id = uuid4()
    store.create_upload(actor="t", metadata=photo(), length=1, upload_id=upload_id).close()
    with pytest.raises(SlotTaken):
        store.create_upload(actor="t", metadata=photo(), length=1, upload_id=upload_id)


def test_a_removed_upload_is_unknown(store: Store, machine: Machine) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=1) as upload:
        upload.delete()
    with pytest.raises(UploadUnknown):
        store.open_upload(upload.id)
    assert staged(machine) == []


def test_bytes_missing_below_an_acknowledged_offset_fail_the_upload(
    store: Store, machine: Machine
) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=10) as upload:
        upload.write(b"one")
        upload.end_part()
    (part,) = machine.folder.glob("root-1/staging/*/part.1")
    os.truncate(part, part.stat().st_size - 1)
    with pytest.raises(UploadUnknown, match="lost bytes"):
        store.open_upload(upload.id)


def test_a_flipped_bit_in_a_part_is_refused_at_commit(store: Store, machine: Machine) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=6) as upload:
        for piece in (b"one", b"two"):
            upload.write(piece)
            upload.end_part()
        (part,) = machine.folder.glob("root-1/staging/*/part.2")
        raw = bytearray(part.read_bytes())
        raw[-1] ^= 1
        part.write_bytes(raw)
        with pytest.raises(Corrupt):
            upload.commit(actor="t")
    with pytest.raises(NotStored):
        get(store)


def test_uploads_for_an_erased_subject_are_refused(store: Store, machine: Machine) -> None:
    put(store, b"one", data_subject="ana")
    keys = machine.keys()
    bury(keys, keys.erasure.id_for(COLLECTION, "ana"))
    for direct in (True, False):
        with pytest.raises(Erased):
            store.create_upload(
                actor="t", metadata=photo(data_subject="ana"), length=1, direct=direct
            )
    with pytest.raises(Erased):
        get(store)


def test_an_upload_of_very_many_parts_can_still_be_read(
    store: Store, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its info lists them all, and is read whole; one part too many is refused before a byte."""
    many = [PartInfo(1 << 40, ended=False)] * PARTS_LIMIT
    metadata = photo("k" * 512, custom={"a": "b" * 1000})
    with store.create_upload(actor="t", metadata=metadata, client_metadata="x" * 4096) as upload:
        upload._info.parts = with_part(many[:-1], many[-1])
        upload._stage.keep_info()
        with pytest.raises(TooLarge, match="at most 10000 parts"):
            upload.write(b"one more")
    folder = machine.folder / "root-1" / "staging" / str(upload.id)
    assert (folder / "info").stat().st_size < 1 << 20
    monkeypatch.setattr(kept, "has_all_parts", lambda *_: True)
    with store.open_upload(upload.id) as again:
        assert again.offset == PARTS_LIMIT << 40
