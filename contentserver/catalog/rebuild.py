"""The catalog made again from the disk, and proved equal to it.

One walk does both: whatever the comparison finds, the rebuild mends. What the catalog knows and the
disk does not is only dropped when the caller says so: it may be the last trace of a lost file.
Interrupted, it goes on from the last batch that was committed.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from contentserver.catalog import sql
from contentserver.catalog.compare import PLAIN, Difference, Kind, compare_year
from contentserver.catalog.facts import VersionFacts
from contentserver.catalog.models import File, RebuildMark, StoredVersion
from contentserver.catalog.writer import record
from contentserver.store.outbox import Entry
from contentserver.store.store import Store

BATCH = 1000
EXAMPLES = 1000
"""Differences kept to be shown; all are counted."""

Progress = Callable[[int, uuid.UUID, int], None]
"""Year, address reached (they are uniform, so it tells how far), versions so far."""


@dataclass(slots=True)
class Outcome:
    """What a walk found and did. `left` are differences that remain, by kind."""

    versions: int = 0
    added: int = 0
    mended: int = 0
    dropped: int = 0
    waiting: int = 0
    """On disk and in an outbox: the bridge brings them."""
    left: dict[str, int] = field(default_factory=dict)
    examples: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        return not self.left

    def counts(self) -> dict[str, Any]:
        """What an interrupted run must remember."""
        names = ("versions", "added", "mended", "dropped", "waiting", "left")
        return {name: getattr(self, name) for name in names}

    def leave(self, difference: Difference) -> None:
        self.left[difference.kind] = self.left.get(difference.kind, 0) + 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(difference)


class Rebuild:
    """One run over all years of the store."""

    def __init__(
        self,
        store: Store,
        *,
        node: str,
        years: Sequence[int],
        drop_missing: bool = False,
        progress: Progress = lambda _year, _address, _versions: None,
    ) -> None:
        self._store = store
        self._node = node
        self._years = sorted(years)
        self._drop_missing = drop_missing
        self._progress = progress

    def check(self) -> Outcome:
        """Compare and change nothing."""
        outcome = Outcome()
        suspects: list[Difference] = []
        for year in self._years:
            for address in compare_year(self._store, year):
                outcome.versions += address.versions
                suspects += address.differences
                self._progress(year, address.id, outcome.versions)
                if len(suspects) >= BATCH:
                    self._confirm(suspects, outcome)
            self._confirm(suspects, outcome)
        _check_within(outcome)
        return outcome

    def run(self) -> Outcome:
        """Add what is missing, mend what differs; drop extra rows only with `drop_missing`.

        Commits in batches; a second run after an interruption goes on behind the last of them.
        """
        mark = RebuildMark.objects.filter(node=self._node).first()
        outcome = Outcome(**mark.counts) if mark else Outcome()
        for year in self._years:
            if mark is None or year > mark.year:
                self._run_year(year, None, outcome)
            elif year == mark.year:
                self._run_year(year, mark.after, outcome)
        if self._drop_missing:
            self._close_holes()
        _refresh_unequal()
        _check_within(outcome)
        RebuildMark.objects.filter(node=self._node).delete()
        return outcome

    def _run_year(self, year: int, after: uuid.UUID | None, outcome: Outcome) -> None:
        batch: list[Difference] = []
        unmarked = 0
        for address in compare_year(self._store, year, after):
            batch += address.differences
            unmarked += 1
            outcome.versions += address.versions
            self._progress(year, address.id, outcome.versions)
            if len(batch) >= BATCH or unmarked >= 20 * BATCH:
                self._mend(batch, outcome)
                self._mark(year, address.id, outcome)
                batch, unmarked = [], 0
        self._mend(batch, outcome)

    def _mark(self, year: int, after: uuid.UUID, outcome: Outcome) -> None:
        RebuildMark.objects.update_or_create(
            node=self._node,
            defaults={"year": year, "after": after, "counts": outcome.counts()},
        )

    def _mend(self, batch: Sequence[Difference], outcome: Outcome) -> None:
        by_kind: dict[Kind, list[Difference]] = {}
        for difference in batch:
            by_kind.setdefault(difference.kind, []).append(difference)
        missing = [found.facts for found in by_kind.get("missing", ()) if found.facts]
        outcome.added += record(missing, node=self._node)
        for difference in by_kind.get("different", ()):
            _overwrite(difference)
            outcome.mended += 1
        for difference in by_kind.get("unreadable", ()):
            outcome.leave(difference)
        extra = [found for found in by_kind.get("extra", ()) if not self._is_stored(found)]
        if self._drop_missing:
            outcome.dropped += _drop([found.row.pk for found in extra if found.row])
        else:
            for difference in extra:
                outcome.leave(difference)
        _refresh({found.address for found in [*by_kind.get("different", ()), *extra]})

    def _confirm(self, suspects: list[Difference], outcome: Outcome) -> None:
        """Look again at what differed: the store is in use while it is compared."""
        if not suspects:
            return
        waiting = {(entry.address, str(entry.version)) for entry in self._iter_waiting()}
        known = _known_again(suspects)
        for found in suspects:
            if found.kind == "missing" and _place(found) in known:
                continue
            if found.kind == "missing" and (found.address.bytes, found.version) in waiting:
                outcome.waiting += 1
            elif found.kind == "extra" and self._is_stored(found):
                continue
            else:
                outcome.leave(found)
        suspects.clear()

    def _iter_waiting(self) -> Iterable[Entry]:
        yield from self._store.outbox.iter_entries("new")
        yield from self._store.outbox.iter_entries("catalog")

    def _is_stored(self, found: Difference) -> bool:
        """Whether the disk holds the version after all: it was committed behind the walk."""
        assert found.row is not None
        stored = self._store.list_versions(found.row.file.collection, found.row.file.key)
        return any(str(version.version) == found.version for version in stored)

    @transaction.atomic
    def _close_holes(self) -> None:
        values: dict[str, str | uuid.UUID] = {"node": self._node, "identity": uuid.uuid4()}
        with connection.cursor() as cursor:
            cursor.execute(sql.LOCK_FEED, values)
            cursor.execute(sql.HAS_HOLES, values)
            if cursor.fetchone()[0]:
                cursor.execute(sql.LIFT_CHANGES, values)
                cursor.execute(sql.NUMBER_CHANGES, values)
                cursor.execute(sql.RENEW_FEED, values)


def _overwrite(difference: Difference) -> None:
    """Make the row say what the disk says. Its place in the feed stays."""
    facts, row = difference.facts, difference.row
    assert facts is not None
    assert row is not None
    values = {name: getattr(facts, name) for name in PLAIN}
    StoredVersion.objects.filter(pk=row.pk).update(
        **values, identity=facts.header_id, sha256=facts.sha256
    )
    _rename(facts)


def _rename(facts: VersionFacts) -> None:
    File.objects.filter(pk=facts.address).update(collection=facts.collection, key=facts.key)


def _drop(versions: Sequence[int]) -> int:
    StoredVersion.objects.filter(pk__in=versions).delete()
    return len(versions)


def _refresh(files: set[uuid.UUID]) -> None:
    if not files:
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.DROP_EMPTY_FILES, {"files": list(files)})
        cursor.execute(sql.REFRESH_FILES, {"files": list(files)})


def _refresh_unequal() -> None:
    while unequal := _ids(sql.UNEQUAL_LATEST, BATCH):
        _refresh(set(unequal))


def _check_within(outcome: Outcome) -> None:
    """The catalog's own order: files say what their latest version says, every one was told."""
    for file in _ids(sql.UNEQUAL_LATEST, EXAMPLES):
        outcome.leave(Difference("different", file, "latest", "not what its versions say"))
    untold = StoredVersion.objects.filter(pk__in=_ids(sql.UNTOLD_VERSIONS, EXAMPLES))
    for row in untold:
        detail = "not in the change feed"
        outcome.leave(Difference("different", row.file_id, row.version, detail))


def _ids(query: str, limit: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, {"limit": limit})
        return [row[0] for row in cursor.fetchall()]


def _known_again(suspects: Iterable[Difference]) -> set[tuple[uuid.UUID, str]]:
    missing = [found.address for found in suspects if found.kind == "missing"]
    rows = StoredVersion.objects.filter(file_id__in=missing)
    return {(row.file_id, row.version) for row in rows}


def _place(found: Difference) -> tuple[uuid.UUID, str]:
    return found.address, found.version


def as_json(outcome: Outcome) -> dict[str, object]:
    """For programs: what was found and done, differences without personal data."""
    return {
        "equal": outcome.equal,
        "versions": outcome.versions,
        "added": outcome.added,
        "mended": outcome.mended,
        "dropped": outcome.dropped,
        "waiting": outcome.waiting,
        "differences": outcome.left,
        "examples": [
            {
                "kind": found.kind,
                "address": found.address.hex,
                "version": found.version,
                "detail": found.detail,
            }
            for found in outcome.examples
        ],
    }
