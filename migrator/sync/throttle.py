"""A limit in bytes a second, paid afterwards: how large a file is, only its reading tells."""

from collections.abc import Callable


class Throttle:
    """A bucket that fills at `rate` bytes a second and holds a second's worth. None: no limit."""

    def __init__(self, rate: int | None, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._level = float(rate or 0)
        self._filled_at = monotonic()

    def spend(self, size: int) -> None:
        """Take `size` bytes that were read; the bucket may sink below its bottom."""
        if self._rate is not None:
            self._fill()
            self._level -= size

    def change(self, rate: int | None) -> None:
        """Another limit from now on; what was spent stays spent."""
        if rate != self._rate:
            if self._rate is not None:
                self._fill()
            self._rate, self._filled_at = rate, self._monotonic()
            self._level = min(self._level, float(rate or 0))

    @property
    def is_open(self) -> bool:
        """Whether more may be read now."""
        if self._rate is None:
            return True
        self._fill()
        return self._level > 0

    def _fill(self) -> None:
        assert self._rate is not None
        now = self._monotonic()
        self._level = min(float(self._rate), self._level + (now - self._filled_at) * self._rate)
        self._filled_at = now
