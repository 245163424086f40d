"""Time as sync sees it, so that a test can let a night pass."""

import datetime as dt
import time
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """`now` knows its zone; `monotonic` is in seconds."""

    def now(self) -> dt.datetime: ...
    def monotonic(self) -> float: ...


class InstitutionClock:
    """The time at the institution."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def now(self) -> dt.datetime:
        return dt.datetime.now(self._zone)

    def monotonic(self) -> float:
        return time.monotonic()


def is_quiet(now: dt.datetime, begin: dt.time | None, end: dt.time | None) -> bool:
    """Whether `now` lies in the quiet hours, `begin` included and `end` not.

    They may reach over midnight; the same time twice is the whole day.
    """
    if begin is None or end is None:
        return False
    time_of_day = now.time()
    if begin < end:
        return begin <= time_of_day < end
    return time_of_day >= begin or time_of_day < end
