"""What dead processes leave is finished or removed; what lives is left alone."""

import os
from uuid import uuid4

import pytest

from contentserver.store import fileops
from contentserver.store.address import Version
from contentserver.store.errors import Unavailable, UploadExpired, UploadUnknown, YearNotOpen
from contentserver.store.store import Store
from tests.support.stores import Clock, Machine, get, photo, put


def staging(machine: Machine) -> list[str]:
    return sorted(path.name for path in (machine.folder / "root-1" / "staging").iterdir())


def test_it_leaves_a_living_upload_alone(store: Store, clock: Clock) -> None:
    direct = store.create_upload(actor="t", metadata=photo(), length=3, direct=True)
    kept = store.create_upload(actor="t", metadata=photo("b"), length=3, commit_auto=True)
    for upload in (direct, kept):
        upload.write(b"one")
    clock.forward(4000)
    assert store.recover() == []
    assert store.expire_uploads() == 0
    for upload in (direct, kept):
        upload.commit(actor="t")
        upload.close()
    assert get(store) == get(store, key="b") == b"one"


def test_an_upload_expires_and_says_so(store: Store, machine: Machine, clock: Clock) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=3) as upload:
        upload.write(b"one")
    clock.forward(3599)
    assert store.expire_uploads() == 0
    clock.forward(1)
    with pytest.raises(UploadExpired):
        store.open_upload(upload.id)
    assert store.expire_uploads() == 1
    with pytest.raises(UploadUnknown):
        store.open_upload(upload.id)
    assert staging(machine) == []


def test_a_receipt_stays_until_expiry(store: Store, machine: Machine, clock: Clock) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=3) as upload:
        upload.write(b"one")
        upload.commit(actor="t")
    store.recover()
    assert store.find_receipt(upload.id) is not None
    clock.forward(3600)
    assert store.expire_uploads() == 1
    assert staging(machine) == []
    assert get(store) == b"one"


def test_a_complete_upload_with_commit_auto_is_committed_and_not_expired(
    store: Store, clock: Clock
) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=3, commit_auto=True) as upload:
        upload.write(b"one")
    clock.forward(4000)
    assert store.expire_uploads() == 0
    (recovered,) = store.recover()
    assert (recovered.upload_id, recovered.key, recovered.actor) == (upload.id, "a/1.jpg", "t")
    assert recovered.receipt.version == Version(2026, 1)
    assert get(store) == b"one"
    assert store.recover() == []


def test_an_incomplete_upload_with_commit_auto_expires(store: Store, clock: Clock) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=4, commit_auto=True) as upload:
        upload.write(b"one")
    clock.forward(4000)
    assert store.recover() == []
    assert store.expire_uploads() == 1


def test_a_complete_upload_outlives_a_time_in_which_it_cannot_be_committed(
    store: Store, machine: Machine, clock: Clock
) -> None:
    with store.create_upload(actor="t", metadata=photo(), length=3, commit_auto=True) as upload:
        upload.write(b"one")
    machine.set_layout({"2025": [("root-1", "open")]})
    clock.forward(4000)
    assert store.recover() == []
    assert store.expire_uploads() == 0
    with pytest.raises(YearNotOpen):
        put(store, b"two")
    machine.set_layout({"2026": [("root-1", "open")]})
    (recovered,) = store.recover()
    assert recovered.upload_id == upload.id


def test_a_folder_that_never_got_its_info_is_removed_when_old(
    store: Store, machine: Machine
) -> None:
    folder = machine.folder / "root-1" / "staging" / str(uuid4())
    folder.mkdir()
    store.recover()
    assert staging(machine) == [folder.name]
    os.utime(folder, (0, 0))
    store.recover()
    assert staging(machine) == []


def test_what_is_no_upload_does_not_stop_the_walk(
    store: Store, machine: Machine, clock: Clock
) -> None:
    folder = machine.folder / "root-1" / "staging"
    (folder / "00-not-an-upload").mkdir()
    (folder / "00-not-an-upload" / "info").write_bytes(b"rubbish")
    (folder / str(uuid4())).mkdir()
    broken = folder / "00000000-0000-4000-8000-000000000000"
    broken.mkdir()
    (broken / "info").write_bytes(b"SKU1rubbish")
    with store.create_upload(actor="t", metadata=photo(), length=3, commit_auto=True) as upload:
        upload.write(b"one")
    assert [recovered.upload_id for recovered in store.recover()] == [upload.id]


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("step", ["sync_slot_dir", "sync_slot_dir!", "link_outbox"])
def test_it_goes_on_after_a_link_that_nobody_was_told_of(
    store: Store, machine: Machine, step: str, direct: bool
) -> None:
    """The disk failed after the link: the version is there, unacknowledged, not yet fed."""

    def fail(name: str) -> None:
        if name == step:
            fileops.step_hook = None
            raise OSError(5, "injected")

    upload = store.create_upload(actor="t", metadata=photo(), length=3, direct=direct)
    upload.write(b"one")
    upload.end_part()
    fileops.step_hook = fail
    with pytest.raises(Unavailable):
        upload.commit(actor="t")
    upload.close()
    (recovered,) = store.recover()
    assert recovered.receipt.version == Version(2026, 1)
    assert store.outbox.fan_out(["catalog"]) == 1
    assert store.recover() == []
    assert get(store) == b"one"


def test_an_error_of_a_link_that_was_made_is_none(store: Store) -> None:
    """Equal inodes mean linked, whatever the call said."""

    def fail(name: str) -> None:
        if name in {"link_slot!", "link_outbox!"}:
            raise OSError(5, "injected")

    fileops.step_hook = fail
    put(store, b"one")
    assert get(store) == b"one"
    assert store.outbox.fan_out(["catalog"]) == 1


def test_a_commit_repeated_after_such_a_failure_makes_no_second_version(store: Store) -> None:
    for direct, key in ((True, "a"), (False, "b")):

        def fail(name: str) -> None:
            if name == "sync_slot_dir!":
                fileops.step_hook = None
                raise OSError(5, "injected")

        with store.create_upload(actor="t", metadata=photo(key), length=3, direct=direct) as upload:
            upload.write(b"one")
            upload.end_part()
            fileops.step_hook = fail
            with pytest.raises(Unavailable):
                upload.commit(actor="t")
            assert upload.commit(actor="t").version == Version(2026, 1)
        assert len(store.list_versions("photos", key)) == 1
    assert store.outbox.fan_out(["catalog"]) == 2
