"""What a version says about itself, as values of the columns of a legacy record."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from migrator.legacy.description import Description
from migrator.legacy.identifiers import literal
from migrator.legacy.records import LegacyRecord
from migrator.legacy.shape import Shape

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """`size` in bytes and `sha256` of the plaintext; `changed_at_ns` since the epoch, UTC. What is
    None leaves its column as it is.
    """

    size: int
    sha256: bytes = field(repr=False)
    changed_at_ns: int
    filename: str | None = None
    media_type: str | None = None
    owner: str | None = None
    data_subject: str | None = None

    def agree_with(self, description: Description, record: LegacyRecord) -> bool:
        """Whether the record says this already, as far as it has columns; content apart."""
        columns = description.records
        return (
            record.length in {None, self.size}
            and _same(columns.filename, self.filename, record.filename)
            and _same(columns.media_type, self.media_type, record.media_type)
            and _same(columns.owner, self.owner, record.owner)
            and _same(columns.data_subject, self.data_subject, record.data_subject)
            and _same(columns.changed_at, self.changed_at_ns // 1000, _us(record.changed_at_ns))
        )


def assignments(
    description: Description, shape: Shape, facts: VersionFacts, digest: bytes | None
) -> dict[str, tuple[str, object]]:
    """Column -> (SQL with one %s, value)."""
    columns = description.records
    values: dict[str, tuple[str, object]] = {}
    for column, value in (
        (columns.filename, facts.filename),
        (columns.media_type, facts.media_type),
        (columns.owner, facts.owner),
        (columns.data_subject, facts.data_subject),
        (columns.length, str(facts.size)),
    ):
        if column is not None and value is not None:
            values[column] = ("%s", value)
    if columns.changed_at is not None:
        values[columns.changed_at] = _time(description, shape, facts.changed_at_ns)
    if columns.digest is not None and digest is not None:
        values[columns.digest] = ("%s", _digest(shape.records[columns.digest], digest))
    return values


def _time(description: Description, shape: Shape, nanoseconds: int) -> tuple[str, object]:
    records = description.records
    text = (_EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat()
    if "with time zone" in shape.records[records.changed_at or ""]:
        return "%s::timestamptz", text
    return f"(%s::timestamptz AT TIME ZONE {literal(records.time_zone)})", text


def _digest(kind: str, digest: bytes) -> object:
    if kind == "bytea":
        return digest
    if kind in {"integer", "bigint"}:
        return int.from_bytes(digest, "big", signed=kind == "integer")
    return digest.hex()


def _same(column: str | None, ours: object, theirs: object) -> bool:
    return column is None or ours is None or ours == theirs


def _us(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None else nanoseconds // 1000
