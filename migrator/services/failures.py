"""Records that could not be imported: noted once each, tried again by rule, gone when they can
be.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from migrator.legacy.description import RecordId
from migrator.models import RecordError, Source
from migrator.outcomes import Outcome

FIRST_WAIT = dt.timedelta(minutes=1)
LONGEST_WAIT = dt.timedelta(days=1)
BUSY = "busy"


def wait_after(tries: int) -> dt.timedelta:
    """How long a record rests after so many tries: a minute, doubled each time, up to a day."""
    factor: int = 2 ** min(tries - 1, 20)
    return min(FIRST_WAIT * factor, LONGEST_WAIT)


def note(
    source: Source,
    failed: Sequence[Outcome],
    *,
    now: dt.datetime,
    events: Mapping[RecordId, list[int]] | None = None,
) -> None:
    """One row for each record: a new one, or one more try of the one that stands.

    `events`: the changes in the log that a try knew of. One statement for any number.
    """
    if not failed:
        return
    known = {
        tuple(row.record): row
        for row in source.errors.filter(record__in=[list(one.record_id) for one in failed])
    }
    rows = []
    for outcome in {one.record_id: one for one in failed}.values():
        before = known.get(outcome.record_id, RecordError(tries=0))
        seen = (events or {}).get(outcome.record_id, [])
        # Whoever comes by before its time, backfill for one, is no try of its own.
        rests = events is None and before.retry_at is not None and before.retry_at > now
        tries = before.tries if rests else before.tries + 1
        rows.append(
            RecordError(
                source=source,
                record=list(outcome.record_id),
                key=(outcome.key or "")[:512],
                error=(outcome.error_name or BUSY)[:64],
                detail=_detail(outcome),
                tries=tries,
                last_at=now,
                retry_at=before.retry_at if rests else now + wait_after(tries),
                events=sorted({*before.events, *seen}),
            )
        )
    RecordError.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["source", "record"],
        update_fields=["key", "error", "detail", "tries", "last_at", "retry_at", "events"],
    )


def solve(source: Source, records: Iterable[RecordId]) -> int:
    """Forget the errors of records that disk and legacy agree on now; how many there were."""
    ids = [list(one) for one in records]
    return source.errors.filter(record__in=ids).delete()[0] if ids else 0


def _detail(outcome: Outcome) -> str:
    error = outcome.error
    return str(getattr(error, "detail", error) or "")[:500] if error is not None else ""
