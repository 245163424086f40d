"""From a row of the record table to a LegacyRecord."""

import math
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from contentserver.protocol.media_types import BadMediaType, parse_media_type
from migrator.legacy.description import Description, DigestKind, RecordId
from migrator.legacy.errors import BadFact
from migrator.legacy.keys import key_of
from migrator.legacy.records import LegacyRecord
from migrator.legacy.verifying import DIGEST_BYTES

_DAY_US = 86_400_000_000


class Row(NamedTuple):
    """One answer of `Statements.records`. `stored` is None where there is no content."""

    place: int
    id: RecordId
    facts: Sequence[Any]
    chunks: int
    stored: int | None
    object: int | None


def row_of(description: Description, values: Sequence[Any]) -> Row:
    keys = len(description.records.key_columns)
    return Row(values[0], tuple(values[1 : keys + 1]), values[keys + 1 : -3], *values[-3:])


def record_from(
    description: Description, record_id: RecordId, facts: Sequence[Any]
) -> LegacyRecord:
    """Raises BadKey, BadFact."""
    changed_at, filename, media_type, owner, data_subject, length, digest = facts
    changed_at_ns = _nanoseconds(changed_at)
    implausible = changed_at is not None and changed_at_ns is None
    return LegacyRecord(
        id=record_id,
        key=key_of(description, record_id),
        filename=filename or None,
        media_type=_media_type(description, media_type),
        changed_at_ns=changed_at_ns,
        owner=owner or None,
        data_subject=data_subject or None,
        length=_length(length),
        digest=_digest(description.records.digest_kind, digest),
        implausible_time=_shown(changed_at) if implausible else None,
    )


def _media_type(description: Description, given: str | None) -> str:
    """What is no media type ("jpg") counts as none named; legacy_check says how many are."""
    if not given:
        return description.media_type
    try:
        return parse_media_type(given)
    except BadMediaType:
        return description.media_type


def _nanoseconds(microseconds: float | None) -> int | None:
    """None for a time before 1970 or after tomorrow."""
    if microseconds is None or not math.isfinite(microseconds):
        return None
    plausible = 0 <= microseconds <= time.time_ns() // 1000 + _DAY_US
    return int(microseconds) * 1000 if plausible else None


def _shown(microseconds: float) -> str:
    if not math.isfinite(microseconds):
        return "infinity"
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(microseconds / 1e6))
    except (ValueError, OverflowError, OSError):
        return f"{microseconds / 1e6:.0f} seconds after 1970"


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    raise BadFact(f"the declared length is {text[:40]!r}")


def _digest(kind: DigestKind | None, text: str | None) -> tuple[DigestKind, bytes] | None:
    if kind is None or not text:
        return None
    size = DIGEST_BYTES[kind]
    if kind == "crc32":
        # A signed 32-bit number comes as 16 digits, a small one without its zeros.
        text = text.rjust(8, "0")[-8:]
    try:
        raw = bytes.fromhex(text.strip().removeprefix("\\x"))
    except ValueError:
        raise BadFact(f"the declared {kind} is no hex: {text[:80]!r}") from None
    if len(raw) != size:
        raise BadFact(f"the declared {kind} has {len(raw)} bytes instead of {size}")
    return kind, raw
