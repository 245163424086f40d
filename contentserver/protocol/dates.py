"""HTTP dates in whole seconds since the epoch, UTC (RFC 9110, 5.6.7)."""

import functools
import re
import time
from calendar import timegm
from collections.abc import Callable
from datetime import date
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_MONTH_NUMBER: Final = {name: number for number, name in enumerate(_MONTHS, 1)}

_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
# "A recipient that parses a timestamp value in an HTTP field MUST accept all three HTTP-date
# formats", and "HTTP-date is case sensitive".
_FORMATS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
        rf"{_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)


@functools.lru_cache(maxsize=4096)
def format_http_date(seconds: int) -> str:
    """Return an IMF-fixdate, for example `Sun, 06 Nov 1994 08:49:37 GMT`."""
    at = time.gmtime(seconds)
    return (
        f"{_DAYS[at.tm_wday]}, {at.tm_mday:02} {_MONTHS[at.tm_mon - 1]} {at.tm_year:04} "
        f"{at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} GMT"
    )


def parse_http_date(text: str, *, clock: Callable[[], float] = time.time) -> int | None:
    """Return the seconds of an HTTP-date in any of its three formats, or None when it is not one.

    `clock` (seconds) is asked only for a year of two digits. The name of the day is not compared
    with the date.
    """
    for pattern in _FORMATS:
        found = pattern.fullmatch(text.strip(" \t"))
        if found:
            return _seconds(found, clock)
    return None


def _seconds(found: re.Match[str], clock: Callable[[], float]) -> int | None:
    hour, minute, second = (int(found[name]) for name in ("hour", "minute", "second"))
    if hour > 23 or minute > 59 or second > 60:
        return None
    month, day = _MONTH_NUMBER[found["month"]], int(found["day"])
    year = int(found["year"])
    if len(found["year"]) == 2:
        year = _full_year(year, (month, day, hour, minute, second), clock())
    try:
        date(year, month, day)
    except ValueError:
        return None
    return timegm((year, month, day, hour, minute, second))


def _full_year(two_digits: int, rest: tuple[int, ...], now: float) -> int:
    """Complete a year of two digits.

    "Recipients … MUST interpret a timestamp that appears to be more than 50 years in the future as
    representing the most recent year in the past that had the same last two digits."
    """
    at = time.gmtime(now)
    year = at.tm_year - at.tm_year % 100 + two_digits
    limit = (at.tm_year + 50, *at[1:6])
    return year - 100 if (year, *rest) > limit else year
