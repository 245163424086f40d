"""Preconditions in the order of RFC 9110, 13.2.2. Its last step is `ranges.select_range`.

Call it only when the answer without preconditions would be a 2xx (13.2.1: otherwise they MUST be
ignored), so an absent or forbidden file is decided before; `exists=False` is for writes that may
create.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from contentserver.protocol.dates import parse_http_date
from contentserver.protocol.etags import ANY, parse_etag_list, strong_match, weak_match

CONDITIONAL_FIELDS: Final = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"},
)


class Outcome(Enum):
    """What the preconditions ask for."""

    PROCEED = 0
    NOT_MODIFIED = 304
    PRECONDITION_FAILED = 412
    MALFORMED = 400
    """A write whose If-None-Match cannot be read: to guess would be to overwrite."""


def evaluate(
    method: str,
    headers: Mapping[str, str],
    etag: str | None,
    last_modified: int | None,
    exists: bool = True,
) -> Outcome:
    """Judge the preconditions of a request against the current representation.

    `headers` maps lower-case names to values (Latin-1 `str`, repeated fields joined with ", ").
    `etag` is the current strong tag with its quotes, `last_modified` whole seconds since the epoch.
    A file that was deleted does not exist.
    """
    if CONDITIONAL_FIELDS.isdisjoint(headers):
        return Outcome.PROCEED
    if not _unchanged(headers, etag, last_modified, exists):
        return Outcome.PRECONDITION_FAILED
    reads = method in {"GET", "HEAD"}
    if (value := headers.get("if-none-match")) is not None:
        return _none_match(value, etag, exists, reads)
    if reads and not _modified(headers, last_modified):
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def _unchanged(
    headers: Mapping[str, str], etag: str | None, last_modified: int | None, exists: bool
) -> bool:
    """Steps 1 and 2. "MUST ignore If-Unmodified-Since if the request contains an If-Match"."""
    if (value := headers.get("if-match")) is not None:
        tags = parse_etag_list(value)
        if tags is None or not exists:
            return False
        return tags == ANY or any(strong_match(tag, etag or "") for tag in tags)
    if (
        (value := headers.get("if-unmodified-since")) is not None
        and last_modified is not None
        and exists
    ):
        since = parse_http_date(value)
        return since is None or last_modified <= since
    return True


def _none_match(value: str, etag: str | None, exists: bool, reads: bool) -> Outcome:
    """Step 3: 304 for a read, 412 for everything else."""
    tags = parse_etag_list(value)
    if tags is None:
        return Outcome.PROCEED if reads else Outcome.MALFORMED
    if not exists or not (tags == ANY or any(weak_match(tag, etag or "") for tag in tags)):
        return Outcome.PROCEED
    return Outcome.NOT_MODIFIED if reads else Outcome.PRECONDITION_FAILED


def _modified(headers: Mapping[str, str], last_modified: int | None) -> bool:
    """Step 4. "A recipient MUST ignore … if the received field value is not a valid HTTP-date"."""
    value = headers.get("if-modified-since")
    if value is None or last_modified is None:
        return True
    since = parse_http_date(value)
    return since is None or last_modified > since
