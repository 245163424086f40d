"""Files for people who review the audit: their names, and whom they are about. Never content."""

import uuid
from collections.abc import Iterable, Sequence

from contentserver.catalog.models import File, StoredVersion
from skold.control.review_parts import KnownFile


def files_about(subject: str, limit: int) -> Sequence[KnownFile]:
    """Files of which a version names this data subject, by name; `limit` at most."""
    ids = StoredVersion.objects.filter(data_subject=subject).values("file_id")
    rows = File.objects.filter(pk__in=ids).order_by("collection", "key")[:limit]
    return [_known(row) for row in rows]


def names_of(addresses: Iterable[str]) -> dict[str, KnownFile]:
    """Those of the addresses that the catalog knows."""
    rows = File.objects.filter(pk__in=[uuid.UUID(address) for address in addresses])
    return {row.address: _known(row) for row in rows}


def _known(row: File) -> KnownFile:
    return KnownFile(row.address, row.collection, row.key)
