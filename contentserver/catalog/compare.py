"""Disk and catalog side by side, in one walk through both in the order of addresses.

Memory does not grow with the store: one address at a time from the disk, some thousand rows at a
time from the catalog, no transaction held open.
"""

import itertools
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from contentserver.catalog.facts import VersionFacts, facts_of
from contentserver.catalog.models import StoredVersion
from contentserver.store.errors import Erased
from contentserver.store.results import Unreadable, VersionInfo
from contentserver.store.store import Store

PAGE = 2000

Kind = Literal["missing", "extra", "different", "unreadable"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where both disagree. `facts` is what the disk says, `row` what the catalog says."""

    kind: Kind
    address: uuid.UUID
    version: str
    detail: str
    facts: VersionFacts | None = None
    row: StoredVersion | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """One address of one year, compared. `versions` is how many the disk has of it."""

    id: uuid.UUID
    versions: int
    differences: Sequence[Difference]


class OutOfOrder(Exception):
    """The walk over the disk was not in the order of addresses; nothing more is concluded."""


def compare_year(store: Store, year: int, after: uuid.UUID | None = None) -> Iterator[Address]:
    """Every address of the year that disk or catalog know, above `after`, in order.

    Raises StoreError when a root is away, so that nothing of it passes for missing.
    """
    disk = _iter_disk(store, year, after)
    rows = _iter_rows(year, after)
    on_disk, in_catalog = next(disk, None), next(rows, None)
    while on_disk is not None or in_catalog is not None:
        if in_catalog is None or (on_disk is not None and on_disk[0] < in_catalog[0]):
            assert on_disk is not None
            yield _compared(on_disk[0], on_disk[1], ())
            on_disk = next(disk, None)
        elif on_disk is None or in_catalog[0] < on_disk[0]:
            yield _compared(in_catalog[0], (), in_catalog[1])
            in_catalog = next(rows, None)
        else:
            yield _compared(on_disk[0], on_disk[1], in_catalog[1])
            on_disk, in_catalog = next(disk, None), next(rows, None)


def _compared(
    address: uuid.UUID,
    disk: Sequence[VersionInfo | Unreadable],
    rows: Sequence[StoredVersion],
) -> Address:
    known = {row.number: row for row in rows}
    found: dict[int, VersionInfo | Unreadable] = {}
    for stored in disk:
        # A year that is being moved lies on two roots; either verified copy answers.
        if stored.version.number not in found or not isinstance(stored, Unreadable):
            found[stored.version.number] = stored
    differences = []
    for number in sorted(found.keys() | known.keys()):
        difference = _find_difference(address, found.get(number), known.get(number))
        if difference is not None:
            differences.append(difference)
    return Address(address, len(found), differences)


def _find_difference(
    address: uuid.UUID, stored: VersionInfo | Unreadable | None, row: StoredVersion | None
) -> Difference | None:
    if stored is None:
        assert row is not None
        return Difference("extra", address, row.version, "the disk does not hold it", row=row)
    version = str(stored.version)
    if isinstance(stored, Unreadable):
        if isinstance(stored.error, Erased) and row is None:
            return None
        return Difference("unreadable", address, version, str(stored.error), row=row)
    facts = facts_of(stored)
    if row is None:
        return Difference("missing", address, version, "not in the catalog", facts=facts)
    fields = unequal_fields(facts, row)
    if not fields:
        return None
    return Difference("different", address, version, ", ".join(fields), facts=facts, row=row)


def unequal_fields(facts: VersionFacts, row: StoredVersion) -> list[str]:
    """Names of the columns in which the catalog says something else than the disk."""
    pairs = {
        "collection": (facts.collection, row.file.collection),
        "key": (facts.key, row.file.key),
        "identity": (facts.header_id, row.identity),
        "sha256": (facts.sha256, bytes(row.sha256) if row.sha256 is not None else None),
    } | {name: (getattr(facts, name), getattr(row, name)) for name in PLAIN}
    return [name for name, (disk, catalog) in pairs.items() if disk != catalog]


PLAIN = (
    "size", "media_type", "filename", "created_by", "on_behalf_of", "data_subject",
    "original_time", "source", "custom", "committed_at", "deleted", "imported",
)  # fmt: skip


def _iter_disk(
    store: Store, year: int, after: uuid.UUID | None
) -> Iterator[tuple[uuid.UUID, Sequence[VersionInfo | Unreadable]]]:
    last = after
    stored = store.iter_stored(year)
    if after is not None:
        stored = itertools.dropwhile(lambda version: version.address <= after.bytes, stored)
    for address, versions in itertools.groupby(stored, key=lambda version: version.address):
        here = uuid.UUID(bytes=address)
        if last is not None and here <= last:
            raise OutOfOrder(
                f"{here.hex} came after {last.hex}: the year {year} is being moved between roots; "
                "run this again when it has arrived"
            )
        last = here
        yield here, list(versions)


def _iter_rows(
    year: int, after: uuid.UUID | None
) -> Iterator[tuple[uuid.UUID, Sequence[StoredVersion]]]:
    for address, rows in itertools.groupby(_page_rows(year, after), key=lambda row: row.file_id):
        yield address, list(rows)


def _page_rows(year: int, after: uuid.UUID | None) -> Iterator[StoredVersion]:
    rows = StoredVersion.objects.filter(year=year).select_related("file")
    rows = rows.order_by("file_id", "number")
    last = after
    while True:
        page = list((rows if last is None else rows.filter(file_id__gt=last))[:PAGE])
        if len(page) == PAGE:
            # The last address may go on beyond the page; it is read whole with the next one.
            page = _without_last(page) or list(rows.filter(file_id=page[0].file_id))
        if not page:
            return
        yield from page
        last = page[-1].file_id


def _without_last(page: Sequence[StoredVersion]) -> list[StoredVersion]:
    return [row for row in page if row.file_id != page[-1].file_id]
