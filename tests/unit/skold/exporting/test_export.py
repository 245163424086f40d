"""Exports of every shape verify, say what they prove, and show each kind of tampering."""

import csv
import hashlib
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from skold.exporting import ExportError, ExportOptions, Selection, export_to_path, stream_zip
from skold.ledger.bundles import LedgerDamagedError, bundle_path
from skold.verifier import verify_audit
from skold.verifier.verify_audit import Export
from tests.support.audit_ledgers import read_leaves, sign_head, write_bundles
from tests.unit.skold.exporting.conftest import export, verify

SHAPES = [
    Selection.all(),
    Selection.period(0, 524),
    Selection.period(100, 400),
    Selection.period(256, 512),
    Selection.period(7, 8),
    Selection.period(30, 30),
    Selection.of([0, 3, 4, 5, 255, 256, 300, 523]),
    Selection.of(range(1, 524, 2)),
]


def said(selection: Selection) -> str:
    return f"{selection.kind}-{len(selection.leaves) if selection.kind != 'all' else 524}"


@pytest.mark.parametrize("suffix", ["", ".zip"])
@pytest.mark.parametrize("selection", SHAPES, ids=said)
def test_it_verifies(honest: Path, tmp_path: Path, selection: Selection, suffix: str):
    output = export(honest, selection, tmp_path / f"export{suffix}", format="csv")
    report = verify(output)
    assert report.findings.of(verify_audit.BAD) == []
    assert report.exit_code == 0
    assert report.facts["records"] == len(selection.below(524).leaves)
    assert [anchor["compared"] for anchor in report.anchors] == [True] * len(report.anchors)
    assert report.anchors


def test_a_streamed_zip_is_the_same_export(honest: Path, tmp_path: Path):
    output = tmp_path / "streamed.zip"
    chunks = list(stream_zip(honest, Selection.all(), ExportOptions()))
    output.write_bytes(b"".join(chunks))
    assert verify(output).exit_code == 0


def test_it_says_what_a_selection_cannot_show(honest: Path, tmp_path: Path):
    output = export(honest, Selection.of([3, 9]), tmp_path / "export")
    assert "cannot show whether others were left out" in verify_audit.verdict(verify(output))
    assert "can\nNOT be shown" in (output / "README.txt").read_text()


def test_a_stretch_needs_few_hashes(honest: Path, tmp_path: Path):
    output = export(honest, Selection.period(100, 400), tmp_path / "export")
    lines = (output / "hashes.txt").read_text().splitlines()
    assert sum(line.startswith("leaf ") for line in lines) == 300
    assert sum(line.startswith("tree ") for line in lines) < 20


def test_the_keys_of_the_export_itself_confirm_nothing(honest: Path, tmp_path: Path):
    report = verify(export(honest, Selection.all(), tmp_path / "export"), keys=())
    assert report.exit_code == 3
    assert report.key is not None


def test_sums_are_those_of_sha256sum(honest: Path, tmp_path: Path):
    output = export(honest, Selection.all(), tmp_path / "export")
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=output, check=True)


def test_the_readers_table_is_of_the_records(honest: Path, tmp_path: Path):
    output = export(honest, Selection.period(0, 20), tmp_path / "export", format="csv")
    with open(output / "records.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    asked = [row for row in rows if row["kind"] == "req"]
    assert [row["leaf"] for row in rows] == [str(leaf) for leaf in range(20)]
    assert asked[0]["client"] == "campus"
    assert asked[0]["key"] == "students/0.jpg"
    assert asked[0]["user_agent"] == "'=1+1"  # no formula for a spreadsheet


def test_it_can_leave_out_what_is_said_of_persons(honest: Path, tmp_path: Path):
    output = export(honest, Selection.all(), tmp_path / "export", private=False)
    assert b"anna-" not in b"".join(path.read_bytes() for path in output.glob("*.*"))
    report = verify(output)
    assert (report.exit_code, set(report.findings.counts)) == (0, {"left_out"})


def test_an_older_checkpoint_needs_to_be_named(honest: Path, tmp_path: Path):
    tree = verify_audit.Tree()
    for body, _ in read_leaves(honest)[:77]:
        tree.append(verify_audit.leaf_hash(body))
    kept = tmp_path / "kept.txt"
    kept.write_text(sign_head(77, tree.root()))
    selection = Selection.of([3, 400])
    without = verify(export(honest, selection, tmp_path / "a"), kept)
    assert (without.exit_code, without.findings.of(verify_audit.UNCHECKED)) == (
        4,
        ["older_unchecked"],
    )
    named = export(honest, selection, tmp_path / "b", consistent_with=[77])
    assert verify(named, kept).exit_code == 0
    kept.write_text(sign_head(77, bytes(32)))
    assert "ledger_rewritten" in verify(named, kept).findings.counts


def test_a_mail_that_brought_a_checkpoint_will_do(honest: Path, tmp_path: Path):
    note = json.loads((honest / "anchors" / f"{242:020d}.notary.json").read_text())["checkpoint"]
    mail = tmp_path / "kept.eml"
    head = "From: a@example.org\nContent-Type: text/plain; charset=utf-8\n"
    mail.write_text(
        f"{head}Content-Transfer-Encoding: 8bit\n\nThe checkpoint:\n\n{note}\nKeep it.\n"
    )
    report = verify(export(honest, Selection.all(), tmp_path / "export"), mail)
    assert (report.exit_code, report.facts["older_compared"]) == (0, 1)


def test_it_refuses_what_does_not_lead_to_the_checkpoint(ledger: Path, tmp_path: Path):
    leaves = read_leaves(ledger)
    leaves[9] = b"{}", b""
    write_bundles(ledger, leaves)
    with pytest.raises(LedgerDamagedError, match="leaf 9"):
        export(ledger, Selection.period(0, 20), tmp_path / "export")
    assert not list(tmp_path.glob("*export*"))
    tile = ledger / "tile/0" / bundle_path(0)
    tile.write_bytes(tile.read_bytes()[:-32] + bytes(32))
    with pytest.raises(LedgerDamagedError, match="tiles do not lead"):
        export(ledger, Selection.period(20, 30), tmp_path / "export")


def test_it_overwrites_nothing(honest: Path, tmp_path: Path):
    (tmp_path / "export.zip").touch()
    with pytest.raises(ExportError, match="exists"):
        export(honest, Selection.all(), tmp_path / "export.zip")


def test_without_a_checkpoint_it_says_so(tmp_path: Path):
    with pytest.raises(ExportError, match="no checkpoint yet"):
        export_to_path(tmp_path, Selection.all(), ExportOptions(), tmp_path / "export")


# Whoever tampers with an export mends the sums as well: what finds him then is the signed root.


def mend(output: Path) -> None:
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(output)}\n"
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != "SHA256SUMS"
    ]
    (output / "SHA256SUMS").write_text("".join(lines))


def change(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def tamper(output: Path) -> None:
        raw = (output / name).read_bytes()
        assert old in raw
        (output / name).write_bytes(raw.replace(old, new, 1))

    return tamper


def rewrite_leaves(alter: Callable[[list[bytes]], None]) -> Callable[[Path], None]:
    """`alter` changes the list of (packed) records; the readable table is made again from it."""

    def tamper(output: Path) -> None:
        packed = []
        for leaf, entry in Export(output).entries():
            head = Export.HEAD.pack(leaf, len(entry.body))
            packed.append(head + entry.body + len(entry.private).to_bytes(4, "big") + entry.private)
        alter(packed)
        (output / "leaves.bin").write_bytes(b"".join(packed))
        entries = Export(output).entries()
        (output / "records.jsonl").write_text("".join(verify_audit.jsonl_line(*e) for e in entries))

    return tamper


def edit(packed: list[bytes]) -> None:
    packed[40] = packed[40].replace(b'"status":200', b'"status":404')


def change_private(packed: list[bytes]) -> None:
    packed[41] = packed[41].replace(b"anna-", b"otto-")


def swap(packed: list[bytes]) -> None:
    one, other = packed[40], packed[41]
    packed[40], packed[41] = one[:8] + other[8:], other[:8] + one[8:]


def drop(packed: list[bytes]) -> None:
    del packed[40]


def double(packed: list[bytes]) -> None:
    packed.insert(40, packed[40])


def leave_out(output: Path) -> None:
    """A record goes with everything that speaks of it; its hash stays, as that of a subtree."""
    rewrite_leaves(drop)(output)
    leaf = Export(output).first + 40
    change("hashes.txt", b"leaf %d " % leaf, b"tree %d 0 " % leaf)(output)
    change("export.json", b'"records": 300', b'"records": 299')(output)


TAMPERING = [
    (rewrite_leaves(edit), "edited"),
    (rewrite_leaves(swap), "swapped"),
    (rewrite_leaves(drop), "deleted"),
    (rewrite_leaves(double), "inserted"),
    (rewrite_leaves(change_private), "private_changed"),
    (leave_out, "deleted"),
    (change("records.jsonl", b'"campus"', b'"kampus"'), "readable_changed"),
    (change("checkpoint", b"524", b"525"), "bad_signature"),
    (
        change("anchors/" + f"{242:020d}" + ".notary.json", b'"size": 242', b'"size": 243'),
        "anchor_changed",
    ),
]


@pytest.mark.parametrize(("tamper", "name"), TAMPERING, ids=[name for _, name in TAMPERING])
def test_tampering_is_named(
    honest: Path, tmp_path: Path, tamper: Callable[[Path], None], name: str
):
    output = export(honest, Selection.period(100, 400), tmp_path / "export")
    tamper(output)
    mend(output)
    report = verify(output)
    assert name in report.findings.of(verify_audit.BAD), report.findings.said
    assert "file_changed" not in report.findings.counts


def test_a_forged_list_of_hashes_does_not_lead_to_the_root(honest: Path, tmp_path: Path):
    output = export(honest, Selection.period(100, 400), tmp_path / "export")
    rewrite_leaves(edit)(output)
    leaf, entry = list(Export(output).entries())[40]
    line = next(
        x for x in (output / "hashes.txt").read_text().splitlines() if x.startswith(f"leaf {leaf} ")
    )
    forged = f"leaf {leaf} {verify_audit.leaf_hash(entry.body).hex()}"
    change("hashes.txt", line.encode(), forged.encode())(output)
    mend(output)
    assert "forked_tree" in verify(output).findings.counts


def test_a_file_more_or_less_is_noticed(honest: Path, tmp_path: Path):
    output = export(honest, Selection.all(), tmp_path / "export")
    (output / "more.txt").touch()
    assert "file_changed" in verify(output).findings.counts
    (output / "more.txt").unlink()
    (output / "README.txt").unlink()
    assert "file_changed" in verify(output).findings.counts


def test_modes_keep_exports_from_others(honest: Path, tmp_path: Path):
    output = export(honest, Selection.all(), tmp_path / "export.zip")
    assert output.stat().st_mode & 0o077 == 0
    assert zipfile.is_zipfile(output)
