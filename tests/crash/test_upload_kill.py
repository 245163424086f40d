"""kill -9 at any step of an upload that is sent in parts, checked, and commits itself."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from contentserver.store import fileops
from contentserver.store.errors import UploadUnknown
from contentserver.store.metadata import Metadata
from contentserver.store.store import Store
from tests.support.scenarios import (
    SECOND,
    UPLOAD,
    Tell,
    Told,
    check,
    count_steps,
    repeat,
    run_and_kill,
)
from tests.support.stores import COLLECTION, Machine, make_machine, photo

FIRST_PART = 200_000


@pytest.fixture(autouse=True)
def no_hook() -> Iterator[None]:
    yield
    fileops.step_hook = None


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


def look(metadata: Metadata, data: Iterable[bytes]) -> None:
    """A check that would notice a byte too many, too few, or wrong."""
    digest = hashlib.sha256()
    for piece in data:
        digest.update(piece)
    assert digest.digest() == hashlib.sha256(SECOND).digest()


def send_in_two_requests(store: Store, tell: Tell) -> None:
    """The length comes with the second, which is also told the version."""
    with store.create_upload(
        actor="t", metadata=photo(), upload_id=UPLOAD, commit_auto=True
    ) as upload:
        tell("offset 0")
        upload.write(SECOND[:FIRST_PART])
        tell(f"offset {upload.end_part()}")
    with store.open_upload(UPLOAD) as upload:
        upload.set_length(len(SECOND))
        upload.write(SECOND[upload.offset :])
        tell(f"offset {upload.end_part()}")
        tell(f"put {upload.commit(actor='t', check=look).version}")


def finish(machine: Machine, told: Told) -> None:
    """What its client does: it goes on where the server stands."""
    store = machine.open(check=look)
    try:
        upload = store.open_upload(UPLOAD)
    except UploadUnknown:
        assert told.offset is None
        return
    with upload:
        assert upload.offset >= (told.offset or 0)
        upload.set_length(len(SECOND))
        if upload.receipt is None:
            upload.write(SECOND[upload.offset :])
    store.recover()
    found = store.list_versions(COLLECTION, "a/1.jpg")
    assert [one.version.number for one in found] == [1]
    store.close()


def test_it_becomes_one_version_wherever_it_was_killed(memory: Path) -> None:
    steps = count_steps(make_machine(memory / "whole"), send_in_two_requests)
    assert {"sync_part", "info_dir", "reserve", "rename", "link_slot", "receipt"} <= set(steps)
    for step in range(len(steps) + 1):
        machine = make_machine(memory / str(step))
        told = run_and_kill(machine, send_in_two_requests, step)
        try:
            check(machine, told)
            finish(machine, told)
            repeat(machine, send_in_two_requests, told)
            check(machine, told)
        except BaseException as error:
            error.add_note(f"killed before step {step}: {[*steps, 'end'][step]}")
            raise


def test_a_torn_first_part_gives_what_authenticates_of_it(memory: Path) -> None:
    """Every length that a dying file system may have left; the offset is never lowered after."""
    whole = make_machine(memory / "whole")
    with whole.open().create_upload(
        actor="t", metadata=photo(), length=len(SECOND), upload_id=UPLOAD
    ) as upload:
        upload.write(SECOND)
        upload._writer = None  # as if the process had died
    part = whole.folder / "root-1" / "staging" / str(UPLOAD) / "part.1"
    torn = part.read_bytes()
    assert len(torn) > 131_072
    seen = set()
    for cut in (0, 1, 600, len(torn) // 2, len(torn) - 1, len(torn)):
        part.write_bytes(torn[:cut])
        store = whole.open()
        info = part.with_name("info").read_bytes()
        with store.open_upload(UPLOAD) as upload:
            seen.add(upload.offset)
            offset = upload.offset
        with store.open_upload(UPLOAD) as upload:
            assert upload.offset == offset
            upload.write(SECOND[offset:])
            upload.end_part()
        with store.open_upload(UPLOAD) as upload:
            look(photo(), _plaintext(upload))
        store.close()
        for other in part.parent.glob("*"):
            if other.name not in {"lock", "info"}:
                other.unlink()
        part.with_name("info").write_bytes(info)
    assert min(seen) == 0
    assert max(seen) > 100_000


def _plaintext(upload) -> Iterator[bytes]:
    from contentserver.store.parts import iter_plaintext

    return iter_plaintext(upload._stage._dir_fd, upload._info)


@pytest.mark.parametrize("missing", [1, 2])
def test_a_missing_part_fails_the_upload_and_nothing_else(memory: Path, missing: int) -> None:
    machine = make_machine(memory / "one")
    store = machine.open()
    with store.create_upload(
        actor="t", metadata=photo(), length=len(SECOND), upload_id=UPLOAD, commit_auto=True
    ) as upload:
        for piece in (SECOND[:FIRST_PART], SECOND[FIRST_PART:]):
            upload.write(piece)
            upload.end_part()
    folder = machine.folder / "root-1" / "staging" / str(UPLOAD)
    (folder / f"part.{missing}").unlink()
    assert store.recover() == []
    with pytest.raises(UploadUnknown):
        store.open_upload(UPLOAD)
    assert not folder.exists()
    assert store.list_versions(COLLECTION, "a/1.jpg") == []
    assert os.listdir(machine.folder / "root-1" / "staging") == []
    store.close()
