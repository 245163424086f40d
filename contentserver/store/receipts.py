"""Receipts: the answer of a commit, kept until the upload expires, so that every repetition gets it
again.
"""

import json
from dataclasses import dataclass
from uuid import UUID

from contentserver.store import fileops
from contentserver.store.address import Version
from contentserver.store.errors import BadMetadata, Corrupt
from contentserver.store.keyset import Keyset
from contentserver.store.results import Receipt
from contentserver.store.staging import RECEIPT, read_document, seal, unseal

FORMAT = "skold-receipt-1"


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A receipt and when it may be forgotten, ns since the epoch."""

    receipt: Receipt
    expires_at_ns: int


def write_receipt(
    dir_fd: int, upload_id: UUID, kept: KeptReceipt, keyset: Keyset, year: int
) -> None:
    """Keep a receipt durably in the upload's directory."""
    receipt = kept.receipt
    facts = {
        "format": FORMAT,
        "version": str(receipt.version),
        "etag": receipt.etag,
        "sha256": receipt.sha256.hex(),
        "size": receipt.size,
        "created": receipt.created,
        "committed_at_ns": receipt.committed_at_ns,
        "expires_at_ns": kept.expires_at_ns,
    }
    plain = json.dumps(facts, separators=(",", ":"), sort_keys=True).encode()
    sealed = seal(plain, keyset, year, upload_id.bytes + b"receipt")
    fileops.replace_durably(dir_fd, RECEIPT, sealed, step="receipt")


def find_receipt(dir_fd: int, upload_id: UUID, keyset: Keyset) -> KeptReceipt | None:
    """The receipt in an upload's directory, or None. Raises Corrupt, KeyMissing."""
    sealed = fileops.read_file(dir_fd, RECEIPT)
    if sealed is None:
        return None
    plain = unseal(sealed, keyset, upload_id.bytes + b"receipt", "an upload's receipt")
    try:
        facts = read_document(plain, FORMAT)
        receipt = Receipt(
            version=Version.parse(facts["version"]),
            etag=facts["etag"],
            sha256=bytes.fromhex(facts["sha256"]),
            size=facts["size"],
            created=facts["created"],
            committed_at_ns=facts["committed_at_ns"],
        )
        return KeptReceipt(receipt, facts["expires_at_ns"])
    except (ValueError, KeyError, TypeError, BadMetadata) as error:
        raise Corrupt(f"the receipt of upload {upload_id} cannot be read: {error!r}") from error
