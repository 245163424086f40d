"""A byte changed anywhere in an export is found, or means nothing."""

import random
import zipfile
from pathlib import Path

import pytest

from skold.exporting import Selection
from skold.verifier import verify_audit
from tests.support.audit_ledgers import KEY
from tests.unit.skold.exporting.conftest import export

TRIALS = 250
FOUND = {1, 2}


def flip(path: Path, chance: random.Random) -> int:
    """Change one byte; returns where."""
    raw = bytearray(path.read_bytes())
    place = chance.randrange(len(raw))
    raw[place] ^= 1 << chance.randrange(8)
    path.write_bytes(raw)
    return place


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


@pytest.mark.parametrize("table", ["jsonl", "csv"])
def test_in_a_folder_every_flip_is_found(
    honest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], table: str
):
    output = export(honest, Selection.of([5, 6, 300]), tmp_path / "export", format=table)
    assert verify_audit.main([str(output), "--key", KEY]) == 0
    files = sorted(path for path in output.rglob("*") if path.is_file() and path.stat().st_size)
    chance = random.Random(32)
    for _trial in range(TRIALS):
        path = chance.choice(files)
        whole = path.read_bytes()
        place = flip(path, chance)
        assert verify_audit.main([str(output), "--key", KEY]) in FOUND, (path.name, place)
        path.write_bytes(whole)
    capsys.readouterr()


def test_in_a_zip_a_flip_is_found_or_changes_no_file(
    honest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    output = export(honest, Selection.of([5, 6, 300]), tmp_path / "export.zip")
    whole, files = output.read_bytes(), contents(output)
    chance = random.Random(32)
    found = 0
    for _trial in range(TRIALS):
        place = flip(output, chance)
        code = verify_audit.main([str(output), "--key", KEY])
        assert code in FOUND or (code == 0 and contents(output) == files), place
        found += code in FOUND
        output.write_bytes(whole)
    assert found > TRIALS * 0.9
    capsys.readouterr()
