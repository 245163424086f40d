"""The examples of docs/vectors/staging, against our code."""

import base64
import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from contentserver.store.errors import Corrupt
from contentserver.store.receipts import find_receipt
from contentserver.store.staging import find_info
from tests.support.keys import keyset_of
from tests.vectors.make_staging_vectors import FOLDER, INFO, all_vectors, fixed, written

ON_DISK = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}


def test_the_folder_holds_exactly_what_the_maker_makes() -> None:
    texts = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.json")}
    assert texts == {name: written(content) for name, content in all_vectors()}


@pytest.mark.parametrize("name", sorted(ON_DISK))
def test_it_reads_what_opens_and_refuses_the_rest(name: str, tmp_path: Path) -> None:
    vector = ON_DISK[name]
    keyset = keyset_of(tmp_path / "keys", fixed("year"), fixed("naming"))
    kind = name.partition("-")[0]
    (tmp_path / kind).write_bytes(base64.b64decode(vector["bytes"]))
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        if vector["expect"] == "refused":
            with pytest.raises(Corrupt):
                _read(kind, folder, UUID(vector["upload"]), keyset)
        else:
            assert _read(kind, folder, UUID(vector["upload"]), keyset) == vector["document"]
    finally:
        os.close(folder)


def _read(kind: str, folder: int, upload_id: UUID, keyset: Any) -> dict[str, Any]:
    """The document as its reader gives it back."""
    if kind == "info":
        info = find_info(folder, upload_id, keyset)
        assert info is not None
        return json.loads(info.to_json()) | {"metadata": INFO["metadata"]}
    kept = find_receipt(folder, upload_id, keyset)
    assert kept is not None
    return {
        "format": "skold-receipt-1",
        "version": str(kept.receipt.version),
        "etag": kept.receipt.etag,
        "sha256": kept.receipt.sha256.hex(),
        "size": kept.receipt.size,
        "created": kept.receipt.created,
        "committed_at_ns": kept.receipt.committed_at_ns,
        "expires_at_ns": kept.expires_at_ns,
    }
