"""A verification finds every difference in both directions, and nothing that is on its way."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrator.legacy.description import RecordId
from migrator.legacy.reader import LegacyReader
from migrator.models import Difference, Source, Verification
from migrator.verify import compare, run
from migrator.verify.run import CatalogBehind
from migrator.verify.sides import There
from migrator.verify.state import State, VerificationMoved
from tests.support.moving import Moving, moving
from tests.support.moving_sources import carry, make_source, verifier
from tests.support.stores import put

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(60)]


@pytest.fixture
def here(tmp_path: Path, legacy_url: str) -> Iterator[Moving]:
    with moving(tmp_path, legacy_url, patience=1.0) as made:
        yield made


def fill(here: Moving, count: int) -> Source:
    """So many files, equal on both sides."""
    for number in range(1, count + 1):
        here.tables.put(number, b"content %d" % number)
    here.bring(*range(1, count + 1))
    carry(here)
    return make_source(here)


def found(source: Source) -> set[tuple[str, str]]:
    rows = Difference.objects.filter(source=source, resolved_at=None)
    return {(row.key, row.kind) for row in rows}


def expected_digest(source: Source, files: list[tuple[str, bytes]]) -> str:
    """As an auditor would compute it from the description of the format."""
    digest = hashlib.sha256(f"contentserver verification 1\n{source.name}\n".encode()).digest()
    for key, content in files:
        digest = hashlib.sha256(digest + hashlib.sha256(content).digest() + key.encode()).digest()
    return digest.hex()


def test_equal_sides_are_equal_and_the_digest_says_what_was_compared(here: Moving) -> None:
    source = fill(here, 11)
    done = verifier(here, source).run(resume=False)
    assert (done.phase, done.compared, done.equal) == (Verification.Phase.DONE, 11, 11)
    assert done.compared_bytes == sum(len(b"content %d" % n) for n in range(1, 12))
    files = [(f"{n}.jpg", b"content %d" % n) for n in range(1, 12)]
    assert done.digest == expected_digest(source, files)
    assert found(source) == set()


@pytest.mark.parametrize("kind", ["bytea", "large_object"])
def test_other_kinds_of_sources_without_a_change_log(
    tmp_path: Path, legacy_url: str, kind: str
) -> None:
    with moving(tmp_path, legacy_url, kind=kind) as here:
        source = fill(here, 3)
        here.tables.execute("ALTER TABLE {photo} DISABLE TRIGGER ALL")
        here.tables.put(2, b"other")
        here.tables.execute("DROP SCHEMA contentserver_capture CASCADE")
        assert verifier(here, source).run(resume=False).equal == 2
        assert found(source) == {("2.jpg", "different")}


def test_each_difference_is_found_and_named(here: Moving) -> None:
    source = fill(here, 6)
    here.tables.execute("ALTER TABLE {photo} DISABLE TRIGGER ALL")
    here.tables.execute("ALTER TABLE {chunk} DISABLE TRIGGER ALL")
    here.tables.put(1, b"changed behind the triggers")
    here.tables.put_chunks(2, [b"no zlib"])
    here.tables.delete(3)
    here.tables.put(7, b"never imported")
    (slot,) = (path for path in here.folder.glob("root-*/2019/??/??/*") if _is(here, path, 4))
    slot.write_bytes(slot.read_bytes()[:40] + b"\0" * 40)
    put(here.store, b"of another source", key="cards/1.pdf")
    carry(here)
    done = verifier(here, source).run(resume=False)
    assert found(source) == {
        ("1.jpg", "different"),
        ("2.jpg", "unreadable"),
        ("3.jpg", "missing_there"),
        ("4.jpg", "unreadable"),
        ("7.jpg", "missing_here"),
    }
    assert (done.compared, done.equal) == (6, 2)
    assert (done.different, done.unreadable, done.missing_here, done.missing_there) == (1, 2, 1, 1)


def _is(here: Moving, path: Path, record: int) -> bool:
    return path.name.startswith(here.store.address("photos", here.tables.key(record)).hex())


def test_a_damaged_body_is_found_by_reading_it(here: Moving) -> None:
    source = fill(here, 2)
    (slot,) = (path for path in here.folder.glob("root-*/2019/??/??/*") if _is(here, path, 2))
    damaged = bytearray(slot.read_bytes())
    damaged[-1] ^= 1
    slot.write_bytes(damaged)
    assert verifier(here, source).run(resume=False).equal == 2
    assert verifier(here, source, full=True).run(resume=False).equal == 1
    assert found(source) == {("2.jpg", "unreadable")}


def test_what_waits_in_the_change_log_is_no_difference(here: Moving) -> None:
    source = fill(here, 4)
    here.tables.put(1, b"newer")
    here.tables.delete(2)
    here.tables.put(5, b"new")
    done = verifier(here, source).run(resume=False)
    assert found(source) == set()
    assert (done.equal, done.position["pending"]) == (2, 3)


def test_what_is_imported_while_it_is_compared_is_no_difference(
    here: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fill(here, 2)
    here.tables.put(2, b"newer")
    read_there = compare.read_there
    imported: list[object] = []

    def read_then_import(reader: LegacyReader, ids: list[RecordId]) -> list[There]:
        answers = list(read_there(reader, ids))
        if not imported:
            # Behind the first look at the log, before the disk is looked at.
            imported.extend(here.bring(2))
            here.tables.put(2, b"newest")
            imported.extend(here.bring(2))
        return answers

    monkeypatch.setattr(compare, "read_there", read_then_import)
    monkeypatch.setattr(run.Verifier, "_require_catalog", lambda *_: None)
    assert verifier(here, source).run(resume=False).equal == 2
    assert len(imported) == 2
    assert found(source) == set()


def test_it_goes_on_where_it_was_cut_off(here: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 3)
    monkeypatch.setattr(run, "PAGE", 4)
    source = fill(here, 10)
    here.tables.execute("ALTER TABLE {photo} DISABLE TRIGGER ALL")
    here.tables.execute("ALTER TABLE {chunk} DISABLE TRIGGER ALL")
    here.tables.delete(9)
    whole = verifier(here, source).run(resume=False)

    steps = 0
    while True:
        left = 2

        def stop(verification: Verification) -> None:
            nonlocal left
            left -= 1
            if not left and verification.finished_at is None:
                raise KeyboardInterrupt

        try:
            resumed = verifier(here, source, progress=stop).run(resume=steps > 0)
        except KeyboardInterrupt:
            steps += 1
            continue
        break
    assert steps >= 3
    assert resumed.digest == whole.digest
    assert (resumed.compared, resumed.equal, resumed.missing_there) == (9, 9, 1)
    assert Verification.objects.filter(source=source).count() == 2
    assert found(source) == {("9.jpg", "missing_there")}


def test_what_an_earlier_one_found_is_settled_by_the_next(here: Moving) -> None:
    source = fill(here, 2)
    here.tables.put(3, b"not imported")
    here.changes.remove([n for ids in here.changes.note_batch(9).values() for n in ids])
    verifier(here, source).run(resume=False)
    assert found(source) == {("3.jpg", "missing_here")}
    here.bring(3)
    carry(here)
    verifier(here, source).run(resume=False)
    assert found(source) == set()


def test_two_processes_never_count_for_one_verification(here: Moving) -> None:
    source = fill(here, 2)
    begun = Verification.objects.create(
        source=source,
        position={"after": None, "key": "", "chain": "00" * 32, "pending": 0, "erased": 0},
    )
    first, second = State(begun), State(Verification.objects.get())
    first.take_there(["1"], [])
    with pytest.raises(VerificationMoved):
        second.take_there(["2"], [])


def test_a_catalog_that_is_behind_proves_nothing(here: Moving) -> None:
    source = fill(here, 1)
    put(here.store, b"only on disk", key="2.jpg")
    with pytest.raises(CatalogBehind, match="--resume"):
        verifier(here, source).run(resume=False)
    carry(here)
    assert verifier(here, source).run(resume=True).missing_there == 1


def test_versions_on_their_way_into_legacy_are_no_difference(here: Moving) -> None:
    source = fill(here, 2)
    Source.objects.update(mode=Source.Mode.WRITEBACK)
    source.refresh_from_db()
    put(here.store, b"written here", key="1.jpg")
    put(here.store, b"new here", key="3.jpg")
    carry(here, "writeback")
    done = verifier(here, source).run(resume=False)
    assert (found(source), done.equal, done.position["pending"]) == (set(), 1, 2)
    here.store.outbox.done(list(here.store.outbox.iter_entries("writeback")))
    verifier(here, source).run(resume=False)
    assert found(source) == {("1.jpg", "different"), ("3.jpg", "missing_there")}
