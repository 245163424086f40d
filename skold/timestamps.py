"""RFC 3339 times in UTC with microseconds, cheap enough for every record."""

import time

NANOSECONDS = 1_000_000_000


class Timestamps:
    """Formats ns since the epoch; the part down to the second is kept from one call to the next."""

    __slots__ = ("_prefix", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def __call__(self, ns: int) -> str:
        """For example 2026-11-23T10:11:12.123456Z. Not thread-safe: callers hold their own lock."""
        second, rest = divmod(ns, NANOSECONDS)
        if second != self._second:
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._second = second
        return f"{self._prefix}{rest // 1000:06d}Z"
