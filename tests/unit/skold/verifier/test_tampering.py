"""Each kind of tampering with a ledger is found, and called by its name."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from skold.ledger.bundles import bundle_path
from skold.records import leaf_hash
from skold.verifier import verify_audit
from skold.verifier.verify_audit import Ledger, Older, Report, Verification, read_checkpoint
from tests.support.audit_ledgers import (
    KEY,
    OTHER,
    OTHER_KEY,
    AuditLedger,
    make_ledger,
    read_leaves,
    rewrite,
    sign_head,
    write_bundles,
    write_tiles,
)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ledger(tmp_path_factory.mktemp("honest"))


@pytest.fixture
def ledger(honest: Path, tmp_path: Path) -> Path:
    return shutil.copytree(honest, tmp_path / "ledger")


def verify(ledger: Path, *older: Path, key: str = KEY) -> Report:
    keys = verify_audit.read_keys([key])
    kept = [Older(str(path), read_checkpoint(path.read_bytes()), own=True) for path in older]
    return Verification(Ledger(ledger), keys, kept).run()


def found(report: Report) -> set[str]:
    return set(report.findings.of(verify_audit.BAD))


def edited(body: bytes) -> bytes:
    """The same record, with another status or client."""
    changed = body.replace(b'"status":200', b'"status":404').replace(b'"campus"', b'"kampus"')
    assert changed != body
    return changed


def of_kind(ledger: Path, kind: str) -> list[int]:
    mark = f'"kind":"{kind}"'.encode()
    return [leaf for leaf, (body, _) in enumerate(read_leaves(ledger)) if mark in body]


def edit(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    leaves[300] = edited(leaves[300][0]), leaves[300][1]
    write_bundles(ledger, leaves)


def edit_and_its_hash(ledger: Path) -> None:
    edit(ledger)
    write_tiles(ledger, [body for body, _ in read_leaves(ledger)])


def delete(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    del leaves[300]
    write_bundles(ledger, leaves)


def insert(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    leaves.insert(300, (edited(leaves[299][0]), b""))
    write_bundles(ledger, leaves)


def swap(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    leaves[100], leaves[400] = leaves[400], leaves[100]
    write_bundles(ledger, leaves)


def swap_neighbours(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    leaves[100:102] = reversed(leaves[100:102])
    write_bundles(ledger, leaves)


def cut_tail(ledger: Path) -> None:
    write_bundles(ledger, read_leaves(ledger)[:-20])


def lose_a_bundle(ledger: Path) -> None:
    (ledger / "tile/entries" / bundle_path(1)).unlink()


def change_private(ledger: Path) -> None:
    leaf = of_kind(ledger, "req")[50]
    leaves = read_leaves(ledger)
    leaves[leaf] = leaves[leaf][0], leaves[leaf][1].replace(b'"anna-', b'"otto-')
    write_bundles(ledger, leaves)


def add_private(ledger: Path) -> None:
    leaf = of_kind(ledger, "done")[50]
    leaves = read_leaves(ledger)
    leaves[leaf] = leaves[leaf][0], b'{"key":"x"}'
    write_bundles(ledger, leaves)


def change_tile(ledger: Path) -> None:
    tile = ledger / "tile/0" / bundle_path(1)
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])


def change_upper_tile(ledger: Path) -> None:
    (tile,) = (ledger / "tile/1/000.p").iterdir()
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])


def forge_signature(ledger: Path) -> None:
    text = (ledger / "checkpoint").read_text()
    assert "\n626\n" in text
    (ledger / "checkpoint").write_text(text.replace("\n626\n", "\n600\n"))


def sign_with_another_key(ledger: Path) -> None:
    rewrite(ledger, read_leaves(ledger), OTHER)


def fork(ledger: Path) -> None:
    (ledger / "checkpoint").write_text(sign_head(len(read_leaves(ledger)), bytes(32)))


# An insider who holds the real key rewrites entries, hashes and checkpoint.


def edit_and_sign(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    leaves[100] = edited(leaves[100][0]), leaves[100][1]
    rewrite(ledger, leaves)


def delete_and_sign(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    del leaves[100]
    rewrite(ledger, leaves)


def insert_and_sign(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    leaves.insert(100, leaves[100])
    rewrite(ledger, leaves)


def swap_and_sign(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    leaves[100:102] = reversed(leaves[100:102])
    rewrite(ledger, leaves)


def cut_a_life_and_sign(ledger: Path) -> None:
    leaves = read_leaves(ledger)
    second = of_kind(ledger, "open")[1]
    rewrite(ledger, leaves[: second - 5] + leaves[second:])


def remove_a_writer_and_sign(ledger: Path) -> None:
    second, third = of_kind(ledger, "open")[1:3]
    leaves = read_leaves(ledger)
    rewrite(ledger, leaves[:second] + leaves[third:])


def remove_a_request_and_renumber(ledger: Path) -> None:
    """The request alone goes; its end stays, and all numbers behind it move up."""
    leaves, gone = read_leaves(ledger), of_kind(ledger, "req")[10]
    kept = [leaf for place, leaf in enumerate(leaves) if place != gone]
    for place in range(gone, of_kind(ledger, "close")[0]):
        fields = json.loads(kept[place][0])
        fields["n"] -= 1
        kept[place] = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode(), b""
    rewrite(ledger, kept)


TAMPERING: list[tuple[Callable[[Path], None], str]] = [
    (edit, "edited"),
    (edit_and_its_hash, "forked_tree"),
    (delete, "deleted"),
    (insert, "inserted"),
    (swap, "swapped"),
    (swap_neighbours, "swapped"),
    (cut_tail, "cut_tail"),
    (lose_a_bundle, "deleted"),
    (change_private, "private_changed"),
    (add_private, "private_changed"),
    (change_tile, "tile_changed"),
    (change_upper_tile, "tile_changed"),
    (forge_signature, "bad_signature"),
    (sign_with_another_key, "another_key"),
    (fork, "forked_tree"),
    (edit_and_sign, "chain_broken"),
    (delete_and_sign, "deleted"),
    (insert_and_sign, "inserted"),
    (swap_and_sign, "swapped"),
    (cut_a_life_and_sign, "cut_tail"),
    (remove_a_writer_and_sign, "missing_writer"),
    (remove_a_request_and_renumber, "missing_request"),
]


def test_it_accepts_what_journal_and_sequencer_made(honest: Path):
    report = verify(honest)
    assert report.findings.counts == {}
    assert report.exit_code == 0
    assert report.facts["records"] == len(read_leaves(honest)) > 512
    assert report.facts["requests_with_end"] == 310


@pytest.mark.parametrize(
    ("tamper", "name"), TAMPERING, ids=lambda value: getattr(value, "__name__", value)
)
def test_it_names(ledger: Path, tamper: Callable[[Path], None], name: str):
    tamper(ledger)
    report = verify(ledger)
    assert name in found(report), report.findings.said
    assert report.exit_code == 1


def test_it_tells_the_very_leaf_that_was_edited(ledger: Path):
    edit(ledger)
    report = verify(ledger)
    assert report.findings.said["edited"] == ["leaf 300"]
    assert found(report) == {"edited"} | ({"chain_broken"} & found(report))


def test_it_tells_which_two_records_were_swapped(ledger: Path):
    swap(ledger)
    said = verify(ledger).findings.said["swapped"]
    assert "at leaf 100 stands the record of leaf 400" in said
    assert "at leaf 400 stands the record of leaf 100" in said


def test_a_ledger_rewritten_with_the_real_key_is_found_by_the_auditors_checkpoint(tmp_path: Path):
    made = AuditLedger(tmp_path)
    made.live(60)
    kept = tmp_path / "kept.txt"
    shutil.copy(made.sequence() / "checkpoint", kept)
    made.live(60)
    ledger = made.sequence()
    assert verify(ledger, kept).facts["older_compared"] == 1
    # The insider edits a record of the last life: no later one names its chain, so only this tells.
    leaves = read_leaves(ledger)
    leaves[50] = edited(leaves[50][0]), leaves[50][1]
    rewrite(ledger, leaves[:122])
    assert found(verify(ledger)) == set()
    report = verify(ledger, kept)
    assert "ledger_rewritten" in found(report)
    assert "between leaf 0 and leaf 121" in report.findings.said["ledger_rewritten"][0]


def test_a_checkpoint_that_names_more_records_shows_a_cut(ledger: Path, tmp_path: Path):
    kept = shutil.copy(ledger / "checkpoint", tmp_path / "kept.txt")
    rewrite(ledger, read_leaves(ledger)[:-30])
    assert "cut_tail" in found(verify(ledger, Path(kept)))


def test_a_checkpoint_of_another_key_that_is_given_too_is_accepted(ledger: Path):
    sign_with_another_key(ledger)
    assert verify(ledger, key=OTHER_KEY).exit_code == 0


def test_without_a_key_it_is_consistent_and_not_confirmed(honest: Path):
    report = Verification(Ledger(honest), []).run()
    assert report.exit_code == 3
    assert "have not confirmed" in verify_audit.verdict(report)


def take_out(ledger: Path, gone: list[int]) -> None:
    """Empty the private parts of these leaves."""
    leaves = read_leaves(ledger)
    for leaf in gone:
        leaves[leaf] = leaves[leaf][0], b""
    write_bundles(ledger, leaves)


def list_redacted(ledger: Path, *stretches: tuple[int, int]) -> None:
    (ledger / "redacted").mkdir(exist_ok=True)
    name = f"{len(list((ledger / 'redacted').iterdir())):020d}.json"
    document = {"format": "skold-redacted-1", "leaves": [list(each) for each in stretches]}
    (ledger / "redacted" / name).write_text(json.dumps(document))


def test_redacted_parts_keep_the_verdict_and_are_counted(ledger: Path):
    redacted = of_kind(ledger, "req")[:40]
    take_out(ledger, redacted)
    list_redacted(ledger, (redacted[20], redacted[39]))
    list_redacted(ledger, (redacted[0], redacted[10]), (redacted[5], redacted[25]))
    report = verify(ledger)
    assert report.exit_code == 0
    assert report.findings.counts == {"redacted": 40}


def test_parts_that_no_redaction_lists_are_not_called_redacted(ledger: Path):
    gone = of_kind(ledger, "req")[:3]
    take_out(ledger, gone)
    list_redacted(ledger, (gone[0], gone[0]), (gone[2] + 1, 10_000))
    assert verify(ledger).findings.counts == {"redacted": 1, "private_missing": 2}
    (ledger / "private/entries" / bundle_path(1)).unlink()
    assert set(verify(ledger).findings.counts) == {"redacted", "private_missing"}


def test_requests_that_broke_off_are_listed(tmp_path: Path):
    made = AuditLedger(tmp_path)
    made.live(20, broken_off=3)
    made.live(5)
    report = verify(made.sequence())
    assert report.exit_code == 0
    assert report.findings.counts == {"broken_off": 3}


def test_it_goes_on_from_an_earlier_verification(tmp_path: Path):
    made = AuditLedger(tmp_path)
    made.live(150)
    state = json.loads(json.dumps(verify(made.sequence()).state))
    made.live(200)
    ledger = made.sequence()
    keys = verify_audit.read_keys([KEY])
    report = Verification(Ledger(ledger), keys, state=state).run()
    assert (report.exit_code, report.facts["started_at_leaf"]) == (0, 302)
    assert report.findings.counts == {}
    leaves = read_leaves(ledger)
    leaves[500] = edited(leaves[500][0]), leaves[500][1]
    rewrite(ledger, leaves)
    rewritten = Verification(Ledger(ledger), keys, state=state).run()
    assert "forked_tree" not in found(rewritten)  # it is rightly signed, and nobody names its chain
    leaves[10] = edited(leaves[10][0]), leaves[10][1]
    rewrite(ledger, leaves)
    assert "forked_tree" in found(Verification(Ledger(ledger), keys, state=state).run())


def test_the_leaf_hash_is_the_servers(honest: Path):
    for body, _ in read_leaves(honest)[:3]:
        assert verify_audit.leaf_hash(body) == leaf_hash(body)
