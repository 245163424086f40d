"""Points in time as metadata write them: RFC 3339 in UTC, up to nine digits of a second."""

import re
from datetime import UTC, datetime, timedelta

_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z", re.ASCII
)


def to_rfc3339(ns: int) -> str:
    """The UTC time of so many nanoseconds since the epoch: `2025-01-31T12:00:00.000000Z`.

    Six digits of a second, or nine where six would round. Raises OverflowError outside the years
    1 to 9999.
    """
    seconds, rest = divmod(ns, _NS)
    at = (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None).isoformat()
    return f"{at}.{rest:09}Z" if rest % 1000 else f"{at}.{rest // 1000:06}Z"


def from_rfc3339(text: str) -> int:
    """Nanoseconds since the epoch. Raises ValueError for another form or a day there is not."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("a time is written 2025-01-31T12:00:00.000000Z, in UTC")
    whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC) - _EPOCH
    return (whole.days * 86_400 + whole.seconds) * _NS + int((match[2] or "").ljust(9, "0"))
