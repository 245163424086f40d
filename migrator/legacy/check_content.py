"""Whether a sample can be read, and the figures to plan with: how many, how large, which years."""

import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from contentserver.protocol.media_types import BadMediaType, parse_media_type
from migrator.legacy.batches import Found
from migrator.legacy.description import RecordId
from migrator.legacy.errors import ERRORS, LegacyError
from migrator.legacy.findings import Finding, Level
from migrator.legacy.identifiers import quote, quote_table
from migrator.legacy.reader import LegacyReader
from migrator.legacy.records import ReadAlone
from migrator.legacy.statements import changed_at

_SOME = 10_000  # rows looked at for media types
_WAYS_OUT = {error.name: error.way_out for error in ERRORS}


def content_findings(reader: LegacyReader, sample: int, *, years: bool) -> Iterator[Finding]:
    estimate = reader.estimate()
    yield Finding("note", "records", f"about {estimate} records")
    if years:
        yield from _year_findings(reader)
    yield from _media_type_findings(reader)
    yield from _shared_object_findings(reader)
    ids = sample_ids(reader, sample, estimate)
    if not ids:
        yield Finding("warning", "no_records", "there is no record to try", "")
        return
    yield from _sample_findings(reader, ids)


def sample_ids(reader: LegacyReader, sample: int, estimate: int) -> list[RecordId]:
    """The first ids by the index, and as many from pages all over the table."""
    columns = reader.description.records.key_columns
    keys = ", ".join(f"t.{quote(name)}::text" for name in columns)
    present = " AND ".join(f"t.{quote(name)} IS NOT NULL" for name in columns)
    share = min(100.0, max(0.0001, 100.0 * sample / max(estimate, 1)))
    rows = reader.connection.execute(
        f"SELECT {keys} FROM {quote_table(reader.description.records.table)} AS t "
        f"TABLESAMPLE SYSTEM (%s::float8) WHERE {present} LIMIT %s",
        (share, sample),
    )
    first = reader.ids_after(None, sample // 2 + 1)
    return list(dict.fromkeys([*first, *(tuple(row) for row in rows)]))[: sample + sample // 2]


def _year_findings(reader: LegacyReader) -> Iterator[Finding]:
    description = reader.description
    if description.records.changed_at is None:
        text = "no time of change: every file goes to the year in which it is imported"
        yield Finding("note", "no_years", text)
        return
    column = changed_at(description, reader.shape)
    row = reader.connection.execute(
        f"SELECT min(us), max(us), count(*) FILTER (WHERE us IS NULL) FROM (SELECT {column} AS us "
        f"FROM {quote_table(description.records.table)} AS t) AS times"
    ).fetchone()
    assert row is not None
    low, high, absent = row
    if low is not None:
        text = f"years {_year(low)} to {_year(high)}"
        yield Finding("note", "years", text, "Each of them must be open for imports.")
        if low < 0 or high > (datetime.now(UTC).timestamp() + 86_400) * 1e6:
            way_out = _WAYS_OUT["implausible_time"]
            text = "some records were changed before 1970 or in the future"
            yield Finding("warning", "implausible_time", text, way_out)
    if absent:
        text = f"{absent} records have no time of change and go to the current year"
        yield Finding("warning", "no_time", text, "Give them one where it is known.")


def _year(microseconds: float) -> str:
    try:
        return str(datetime.fromtimestamp(microseconds / 1e6, UTC).year)
    except (ValueError, OverflowError, OSError):
        return "beyond all calendars"


def _media_type_findings(reader: LegacyReader) -> Iterator[Finding]:
    description = reader.description
    if description.records.media_type is None:
        return
    column = quote(description.records.media_type)
    rows = reader.connection.execute(
        f"SELECT DISTINCT s.kind FROM (SELECT t.{column}::text AS kind "
        f"FROM {quote_table(description.records.table)} AS t LIMIT %s) AS s",
        (_SOME,),
    )
    unfit = sorted(kind for (kind,) in rows if kind and not _is_media_type(kind))
    if unfit:
        yield Finding(
            "warning",
            "media_types",
            f"{len(unfit)} values are no media types, such as {unfit[0][:60]!r}; these files "
            f"become {description.media_type}",
            "Correct them, or leave the column out of the description.",
        )


def _is_media_type(text: str) -> bool:
    try:
        parse_media_type(text)
    except BadMediaType:
        return False
    return True


def _shared_object_findings(reader: LegacyReader) -> Iterator[Finding]:
    content = reader.description.content
    if content.kind != "large_object":
        return
    row = reader.connection.execute(
        f"SELECT EXISTS (SELECT 1 FROM {quote_table(reader.description.records.table)} "
        f"WHERE {quote(content.data)} IS NOT NULL GROUP BY {quote(content.data)} "
        "HAVING count(*) > 1)"
    ).fetchone()
    if row is not None and row[0]:
        yield Finding(
            "error",
            "shared_objects",
            "several records name the same large object; a write-back would remove it from all",
            "Give each record a large object of its own.",
        )


def _sample_findings(reader: LegacyReader, ids: list[RecordId]) -> Iterator[Finding]:
    errors: Counter[str] = Counter()
    examples: dict[str, LegacyError] = {}
    sizes: list[int] = []
    for _, _, found in reader.read_many(ids):
        try:
            size = _size(found)
        except LegacyError as error:
            errors[error.name] += 1
            examples.setdefault(error.name, error)
        else:
            sizes += [] if size is None else [size]
    for name, count in errors.most_common():
        level: Level = "error" if not sizes or name == "bad_key" else "warning"
        text = f"{count} of {len(ids)} records tried: {examples[name].detail}"
        yield Finding(level, name, text, _WAYS_OUT[name])
    if sizes:
        text = f"{len(sizes)} of {len(ids)} records were read; the median is"
        yield Finding("note", "sample", f"{text} {int(statistics.median(sizes))} bytes")


def _size(found: Found) -> int | None:
    """Bytes, stored ones of a long file; None where there is no record by now."""
    if isinstance(found, LegacyError):
        raise found
    if isinstance(found, ReadAlone):
        return found.stored
    return None if found is None else len(found)
