"""An honest ledger with anchors, and exports of it."""

import base64
import json
import shutil
from pathlib import Path

import pytest

from skold.exporting import ExportOptions, Selection, export_to_path
from skold.verifier import verify_audit
from skold.verifier.verify_audit import Export, Older, Report, Verification, read_checkpoint
from tests.support.audit_ledgers import KEY, AuditLedger


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lives, each with an anchor at its end; 524 records, anchored at 242 and 524."""
    made = AuditLedger(tmp_path_factory.mktemp("honest"))
    for requests in (120, 140):
        made.live(requests)
        anchor(made.sequence())
    return made.ledger


def anchor(ledger: Path) -> None:
    note = (ledger / "checkpoint").read_text()
    _origin, size, root = note.splitlines()[:3]
    document = {
        "place": "notary", "kind": "https", "at": "2025-01-01T01:00:00Z", "size": int(size),
        "root": root, "checkpoint": note, "receipt": base64.b64encode(b"taken").decode(),
    }  # fmt: skip
    (ledger / "anchors").mkdir(exist_ok=True)
    path = ledger / "anchors" / f"{int(size):020d}.notary.json"
    path.write_text(json.dumps(document))


@pytest.fixture
def ledger(honest: Path, tmp_path: Path) -> Path:
    return shutil.copytree(honest, tmp_path / "ledger")


def export(ledger: Path, selection: Selection, output: Path, **options: object) -> Path:
    export_to_path(ledger, selection, ExportOptions(keys=[KEY], **options), output)  # type: ignore[arg-type]
    return output


def verify(path: Path, *older: Path, keys: tuple[str, ...] = (KEY,)) -> Report:
    kept = [Older(old.name, read_checkpoint(old.read_bytes()), own=True) for old in older]
    return Verification(Export(path), verify_audit.read_keys(keys), kept).run()
