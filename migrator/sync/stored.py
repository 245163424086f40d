"""What the catalog knows of a source's files, a page at a time."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contentserver.catalog.consumer import BOX
from contentserver.catalog.models import File, StoredVersion
from contentserver.store.outbox import NEW
from contentserver.store.store import Store
from contentserver.store.times import to_rfc3339
from migrator.legacy.description import Description, RecordId
from migrator.legacy.keys import record_of
from migrator.legacy.records import LegacyRecord
from migrator.models import Source


@dataclass(frozen=True, slots=True)
class Stored:
    """The latest version of a file that is not deleted. `original_time` as in its metadata."""

    key: str
    size: int
    sha256: bytes
    original_time: str

    def equals(self, record: LegacyRecord) -> bool:
        """Whether what the record says of its file is what was stored: the time of change or the
        SHA-256, and both and the length where they are there.
        """
        digest = record.digest[1] if record.digest and record.digest[0] == "sha256" else None
        changed = None if record.changed_at_ns is None else to_rfc3339(record.changed_at_ns)
        if digest is None and changed is None:
            return False
        return (
            (digest is None or digest == self.sha256)
            and (changed is None or changed == self.original_time)
            and (record.length is None or record.length == self.size)
        )


def compares_facts(description: Description) -> bool:
    """Whether records can say that nothing changed; otherwise only their content can."""
    records = description.records
    by_digest = records.digest is not None and records.digest_kind == "sha256"
    return description.content.kind != "large_object" and (
        by_digest or records.changed_at is not None
    )


def find_stored(collection: str, keys: Iterable[str]) -> dict[str, Stored]:
    """Those of these keys that are stored and not deleted."""
    files = list(File.objects.filter(collection=collection, key__in=list(keys), deleted=False))
    times = {
        (file_id, year, number): original_time
        for file_id, year, number, original_time in StoredVersion.objects.filter(
            file__in=files
        ).values_list("file_id", "year", "number", "original_time")
    }
    return {
        file.key: Stored(
            file.key,
            file.size,
            bytes(file.sha256 or b""),
            times.get((file.pk, file.year, file.number), ""),
        )
        for file in files
    }


def stored_after(
    source: Source, description: Description, after: str, limit: int
) -> tuple[list[RecordId], str | None]:
    """Records that the next `limit` keys behind `after` belong to, and the last key; None at the
    end. Only of files that the migrator brought, or that were written back: others that happen to
    have such a key were never in legacy.
    """
    page = list(
        File.objects.filter(collection=description.collection, key__gt=after, deleted=False)
        .order_by("key")
        .only("id", "key", "committed_at")[:limit]
    )
    brought = set(
        StoredVersion.objects.filter(
            file__in=page, source__startswith=f"{source.name}:"
        ).values_list("file_id", flat=True)
    )
    since = _written_back_since(source)
    records = [
        record
        for file in page
        if file.pk in brought or (since is not None and file.committed_at >= since)
        if (record := record_of(description, file.key)) is not None
    ]
    return records, page[-1].key if len(page) == limit else None


def catalog_knows(store: Store, moment: dt.datetime) -> bool:
    """Whether everything that was stored before `moment` is in the catalog."""
    waiting = [store.outbox.oldest_minute(box) for box in (NEW, BOX)]
    return all(oldest is None or oldest > moment for oldest in waiting)


def _written_back_since(source: Source) -> dt.datetime | None:
    steps: Sequence[str] = (Source.Mode.WRITEBACK, Source.Mode.DISK)
    first = source.cutovers.filter(to_mode__in=steps, signed_at__isnull=False).order_by("id")
    return first.values_list("asked_at", flat=True).first() if first else None
