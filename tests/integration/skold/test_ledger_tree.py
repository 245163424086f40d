"""What counts has its hash, what is signed counts, and what was signed is never taken back."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from skold import merkle
from skold.checkpoints import CheckpointInvalidError
from skold.ledger import tree_build
from skold.ledger.bundles import LedgerDamagedError
from skold.ledger.checkpointer import LedgerForkedError
from skold.ledger.forks import declare
from skold.ledger.mark import read_mark
from skold.ledger.proofs import NoCheckpointError, NotInTreeError, TreeReader
from skold.ledger.tiles import Tiles
from skold.ledger.tree import read_tree
from skold.notes import NoteInvalidError, open_note
from tests.support import naive_tree
from tests.support.signed_ledger import NODE, SignedLedger, signer


@pytest.fixture
def ledger(tmp_path: Path) -> SignedLedger:
    """1,003 leaves in one life: three full bundles and one of 235."""
    made = SignedLedger(tmp_path)
    made.write(500)
    assert made.sequence() == 1002  # open, pairs, close
    return made


def test_the_checkpoint_says_the_root_of_rfc_6962(ledger: SignedLedger) -> None:
    bodies = [TreeReader(ledger.path).leaf(index).body for index in range(1002)]
    head = ledger.checkpoint()
    assert (head.size, head.root) == (1002, naive_tree.mth(bodies))


def test_every_proof_verifies_against_every_later_checkpoint(ledger: SignedLedger) -> None:
    old, leaf = ledger.checkpoint(), ledger.hashes()[700]
    ledger.write(400)
    ledger.sequence()
    reader, new = TreeReader(ledger.path), ledger.checkpoint()
    for head in (old, new):
        proof = reader.inclusion(700, head.size)
        assert merkle.verify_inclusion(leaf, 700, head.size, proof, head.root)
    steps = reader.consistency(old.size, new.size)
    assert merkle.verify_consistency(old.size, old.root, new.size, new.root, steps)


def test_it_proves_nothing_that_is_not_under_the_checkpoint(ledger: SignedLedger) -> None:
    reader = TreeReader(ledger.path)
    for call in (
        lambda: reader.leaf(1002),
        lambda: reader.tlog_proof(1002),
        lambda: reader.inclusion(0, 1003),
        lambda: reader.inclusion(5, 5),
        lambda: reader.consistency(5, 4),
    ):
        with pytest.raises(NotInTreeError):
            call()
    (ledger.path / "checkpoint").unlink()
    with pytest.raises(NoCheckpointError):
        reader.tlog_proof(1)


def test_proofs_are_right_while_the_sequencer_writes(tmp_path: Path) -> None:
    ledger = SignedLedger(tmp_path, limit=37)
    ledger.write(600)
    sequencer = ledger.open()
    sequencer.step()
    failed: list[BaseException] = []
    proved = set()

    def prove() -> None:
        reader = TreeReader(ledger.path)
        try:
            while sequencer.mark.leaves < 1202:
                head = reader.checkpoint()
                for index in (0, head.size // 2, head.size - 1):
                    reader.tlog_proof(index)
                reader.consistency(1, head.size)
                proved.add(head.size)
        except BaseException as error:  # noqa: BLE001 - whatever it was fails the test
            failed.append(error)

    thread = threading.Thread(target=prove)
    thread.start()
    while sequencer.step():
        pass
    thread.join(20)
    sequencer.close()
    assert not failed
    assert len(proved) > 3


def flip(path: Path, place: int = 40) -> None:
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda path: (path / "tile/0/003.p/234").unlink(), r"tile/0/003\.p/234 is missing"),
        (lambda path: (path / "tile/1/000.p/3").unlink(), r"tile/1/000\.p/3 is missing"),
        (lambda path: (path / "tile/0/001").unlink(), "tile/0/001 is missing"),
        (lambda path: flip(path / "tile/0/003.p/234"), r"003\.p/234 does not fit tile/entries/003"),
        (lambda path: flip(path / "tile/1/000.p/3"), r"1/000\.p/3 does not fit tile/0/001"),
        (lambda path: flip(path / "tile/0/002"), r"1/000\.p/3 does not fit tile/0/002"),
        (lambda path: (path / "tile/0/002").write_bytes(b"short"), "0/002 has 5 bytes"),
    ],
)
def test_a_tile_that_is_missing_or_wrong_is_named_at_the_start(
    ledger: SignedLedger, damage: Callable[[Path], None], named: str
) -> None:
    damage(ledger.path)
    with pytest.raises(LedgerDamagedError, match=named):
        ledger.open()


def test_a_proof_from_a_wrong_tile_or_bundle_is_never_given(ledger: SignedLedger) -> None:
    flip(ledger.path / "tile/entries/001", 60)
    with pytest.raises(LedgerDamagedError, match="tile/0/001 does not fit tile/entries/001"):
        TreeReader(ledger.path).tlog_proof(256)
    flip(ledger.path / "tile/0/000")
    with pytest.raises(LedgerDamagedError, match=r"tile/1/000\.p/3 does not fit tile/0/000"):
        TreeReader(ledger.path).tlog_proof(7)


def test_tiles_are_made_again_from_the_entries(ledger: SignedLedger) -> None:
    tiles = [path for path in ledger.path.rglob("tile/[0-9]*/**/*") if path.is_file()]
    before = {path: path.read_bytes() for path in tiles}
    flip(ledger.path / "tile/0/002")
    (ledger.path / "tile/1/000.p/3").unlink()
    named = list(tree_build.compare_tree(ledger.path, 1002))
    assert named == ["tile/0/002 differs", "tile/1/000.p/3 is missing"]
    tree_build.build_tree(ledger.path, 1002)
    tree_build.finish_building(ledger.path)
    assert list(tree_build.compare_tree(ledger.path, 1002)) == []
    assert {path: path.read_bytes() for path in tiles} == before
    assert ledger.sequence() == 1002


def make_older_release(ledger: SignedLedger) -> None:
    """Back to what the release before tiles left."""
    for path in ledger.path.glob("tile/[0-9]*"):
        shutil.rmtree(path)
    (ledger.path / "checkpoint").unlink()
    ledger.highest.unlink()
    mark = ledger.path / "mark"
    mark.write_bytes(mark.read_bytes().replace(b'"tiles":true,', b""))


def test_the_ledger_of_an_older_release_gets_its_tree(ledger: SignedLedger) -> None:
    signed = ledger.checkpoint()
    make_older_release(ledger)
    assert not read_mark(ledger.path, NODE).tiles
    ledger.write(10)
    assert ledger.sequence() == 1024
    ledger.assert_whole(1024)
    steps = TreeReader(ledger.path).consistency(1002, 1024)
    new = ledger.checkpoint()
    assert merkle.verify_consistency(1002, signed.root, 1024, new.root, steps)
    assert not (ledger.path / "tree-building").exists()


def test_building_goes_on_where_it_was_cut_short(
    ledger: SignedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = ledger.checkpoint()
    make_older_release(ledger)
    monkeypatch.setattr(tree_build, "CHUNK", 1)

    def stop(done: int, _all: int) -> None:
        if done == 512:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tree_build.build_tree(ledger.path, 1002, stop)
    seen: list[int] = []
    tree = tree_build.build_tree(ledger.path, 1002, lambda done, _all: seen.append(done))
    assert seen == [768, 1002]
    assert tree.root == signed.root
    assert ledger.sequence() == 1002


@pytest.fixture
def put_back(ledger: SignedLedger, tmp_path: Path) -> SignedLedger:
    """300 more records were signed; then the ledger was put back to its copy."""
    shutil.copytree(ledger.path, tmp_path / "copy")
    ledger.write(150)
    ledger.sequence()
    shutil.rmtree(ledger.path)
    (tmp_path / "copy").rename(ledger.path)
    return ledger


def test_a_ledger_put_back_to_an_older_copy_signs_nothing(put_back: SignedLedger) -> None:
    before = (put_back.path / "mark").read_bytes()
    for _ in range(2):
        with pytest.raises(LedgerForkedError, match=r"1002 leaves.*1304 leaves.*confirm_ledger"):
            put_back.sequence()
    assert (put_back.path / "mark").read_bytes() == before
    assert put_back.checkpoint().size == 1002


def test_a_declared_loss_lets_it_go_on_and_stays_to_be_read(put_back: SignedLedger) -> None:
    note = put_back.highest.read_bytes().decode()
    keys = [each.verifier for each in put_back.known]
    from skold.checkpoints import open_checkpoint, parse

    lost = open_checkpoint(note, keys, "example.org/node-1")
    path = declare(
        put_back.path,
        actor="command:anna",
        reason="disk lost",
        signed=lost,
        note=note,
        kept=read_tree(Tiles(put_back.path), 1002),
        now=1_795_000_000_000_000_000,
    )
    # The same records lie in the journals and are numbered again; so nothing is lost here.
    assert put_back.sequence() == 1304
    put_back.write(3)
    put_back.sequence()
    put_back.assert_whole()
    assert b'"reason": "disk lost"' in path.read_bytes()
    assert parse(note.partition("\n\n")[0] + "\n").size == 1304


def test_a_loss_declared_once_covers_no_other(put_back: SignedLedger, tmp_path: Path) -> None:
    lost = put_back.highest.read_bytes().decode()
    keys = [each.verifier for each in put_back.known]
    from skold.checkpoints import open_checkpoint

    other = put_back.checkpoint()
    declare(
        put_back.path,
        actor="a",
        reason="r",
        signed=other,
        note="",
        kept=read_tree(Tiles(put_back.path), 1002),
        now=0,
    )
    assert open_checkpoint(lost, keys, "example.org/node-1").size == 1304
    with pytest.raises(LedgerForkedError):
        put_back.open()


def test_a_rewritten_record_is_never_signed(ledger: SignedLedger) -> None:
    flip(ledger.path / "tile/entries/001", 60)
    tree_build.build_tree(ledger.path, 1002)
    tree_build.finish_building(ledger.path)
    with pytest.raises(LedgerForkedError, match="or changed"):
        ledger.open()


@pytest.mark.parametrize("name", ["ledger/checkpoint", "published/highest"])
def test_a_checkpoint_that_does_not_verify_stops_it(ledger: SignedLedger, name: str) -> None:
    flip(ledger.folder / name, 25)
    with pytest.raises(CheckpointInvalidError, match="newest copy"):
        ledger.open()


def test_a_lost_copy_of_the_checkpoint_is_made_again(ledger: SignedLedger) -> None:
    ledger.highest.unlink()
    ledger.write(1)
    ledger.sequence()
    assert ledger.highest.read_bytes() == (ledger.path / "checkpoint").read_bytes()


def test_nothing_new_is_signed_twice(ledger: SignedLedger) -> None:
    sequencer = ledger.open()
    sequencer.step()
    before = (ledger.path / "checkpoint").stat().st_ino
    sequencer.step()
    assert (ledger.path / "checkpoint").stat().st_ino == before
    sequencer.close()


def signed_by(ledger: SignedLedger) -> set[str]:
    note = (ledger.path / "checkpoint").read_bytes()
    names = {"first", "second"}
    found = set()
    for name in names:
        try:
            open_note(note, [signer(name).verifier])
        except NoteInvalidError:
            continue
        found.add(name)
    return found


def test_keys_rotate_under_a_running_sequencer(ledger: SignedLedger) -> None:
    assert signed_by(ledger) == {"first"}
    sequencer = ledger.open()
    ledger.signers = [signer("first"), signer("second")]
    sequencer.step()
    assert signed_by(ledger) == {"first", "second"}
    ledger.signers = [signer("second")]
    sequencer.step()
    assert signed_by(ledger) == {"second"}
    sequencer.close()
    ledger.write(1)
    assert ledger.sequence() == 1006
