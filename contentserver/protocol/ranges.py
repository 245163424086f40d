"""Byte ranges (RFC 9110, 14): one range is answered, several are answered with the whole.

Field values are `str`, decoded as Latin-1 from the wire.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from contentserver.protocol.dates import parse_http_date
from contentserver.protocol.etags import is_etag, strong_match

# "range-unit names are case-insensitive"; empty list elements are legal (5.6.1.2).
_SINGLE = re.compile(r"bytes=[ \t,]*(?:([0-9]+)-([0-9]*)|-([0-9]+))[ \t,]*", re.IGNORECASE)
# int() refuses more than 4,300 digits and costs their square; no file has 10^18 bytes.
_MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Range:
    """A range that lies within the file: `length` >= 1 bytes from `start`, of `size` in all."""

    start: int
    length: int
    size: int

    @property
    def content_range(self) -> str:
        """Value of Content-Range for a 206."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.size}"


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """A valid range of which the file of `size` bytes has no byte: 416."""

    size: int

    @property
    def content_range(self) -> str:
        """Value of Content-Range for a 416."""
        return f"bytes */{self.size}"


def parse_range(value: str | None, size: int) -> Range | Unsatisfiable | None:
    """Read a Range field for a file of `size` bytes. None: answer with the whole.

    None covers a field that is absent, in another unit, malformed, reversed, or that names several
    ranges: RFC 9110, 14.2, lets a server ignore each of these.
    """
    if value is None:
        return None
    found = _SINGLE.fullmatch(value.strip(" \t"))
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return _suffix_range(_number(suffix), size)
    return _int_range(first, last, size)


def _int_range(first: str, last: str, size: int) -> Range | Unsatisfiable | None:
    if last and _order(last) < _order(first):
        # 14.1.1: "An int-range is invalid if the last-pos value is present and less than the
        # first-pos"
        return None
    start = _number(first)
    if start >= size:
        return Unsatisfiable(size)
    end = min(_number(last), size - 1) if last else size - 1
    return Range(start, end - start + 1, size)


def _suffix_range(length: int, size: int) -> Range | Unsatisfiable | None:
    if length == 0:
        return Unsatisfiable(size)
    if size == 0:
        return None  # satisfiable by 14.1.2, yet no Content-Range can describe it
    length = min(length, size)
    return Range(size - length, length, size)


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS


def _order(digits: str) -> tuple[int, str]:
    digits = digits.lstrip("0")
    return len(digits), digits


def select_range(
    method: str,
    headers: Mapping[str, str],
    size: int,
    *,
    etag: str,
    last_modified: int | None = None,
    date_is_strong: bool = False,
) -> Range | Unsatisfiable | None:
    """Decide Range and If-Range together, after the other preconditions held. None: the whole.

    `headers` are lower-case names to values. `date_is_strong` says that the representation cannot
    have changed twice in the second of `last_modified` (an exact version never changes; the latest
    one may): only then may If-Range be a date.
    """
    value = headers.get("range")
    if (
        value is None or method != "GET"
    ):  # 14.2: "GET is the only method for which range handling is defined"
        return None
    condition = headers.get("if-range")
    if condition is None or _if_range_holds(
        condition, etag, last_modified if date_is_strong else None
    ):
        return parse_range(value, size)
    return None


def _if_range_holds(condition: str, etag: str, last_modified: int | None) -> bool:
    """RFC 9110, 13.1.5: a tag compared strongly, or exactly the date if that is strong."""
    condition = condition.strip(" \t")
    if is_etag(condition):
        return strong_match(condition, etag)
    return last_modified is not None and parse_http_date(condition) == last_modified
