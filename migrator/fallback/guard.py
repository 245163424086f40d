"""What goes wrong with a legacy database, told to its breaker and turned into LegacyUnavailable."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolTimeout

from contentserver.delivery.fallback import LegacyUnavailable
from migrator.fallback import limits
from migrator.fallback.breaker import Breaker
from migrator.fallback.connections import NoAnswer
from migrator.legacy.address import AddressMissing, AddressOpen
from migrator.legacy.shape import SourceUnfit

log = logging.getLogger(__name__)
_REPEAT = 60.0  # seconds before the same sentence is logged again
_HANGING = (NoAnswer, PoolTimeout, psycopg.errors.ConnectionTimeout, psycopg.errors.QueryCanceled)


class Guard:
    """Everything that is asked of one legacy database passes here. Belongs to one event loop."""

    def __init__(self, source: str, probe: Callable[[], Awaitable[None]]) -> None:
        """`probe` asks for a sign of life and raises psycopg.Error; never while another does."""
        self.breaker = Breaker(limits.FAILURES)
        self._source = source
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self._logged: dict[str, float] = {}

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around a question. Raises LegacyUnavailable, at once while the breaker is not closed."""
        self.breaker.check()
        try:
            yield
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            self._failed(error, hanging=isinstance(error, _HANGING))
            raise LegacyUnavailable(f"the legacy database of {self._source} is away") from error
        except (psycopg.Error, SourceUnfit, AddressMissing, AddressOpen) as error:
            # It answers, or nobody knows where it is: a person has to change something.
            self.complain(error)
            raise LegacyUnavailable(f"the legacy database of {self._source} refuses") from error
        self.breaker.succeeded()

    def hangs(self) -> None:
        """A question is without an answer for too long."""
        self._failed(NoAnswer(limits.ANSWER), hanging=True)

    def complain(self, error: Exception) -> None:
        """Log what a person must see, but not with each request."""
        text, now = f"{type(error).__name__}: {error}", asyncio.get_running_loop().time()
        if now - self._logged.get(text, -_REPEAT) < _REPEAT:
            return
        self._logged = {t: at for t, at in self._logged.items() if now - at < _REPEAT} | {text: now}
        log.error("legacy_unavailable", extra={"source": self._source, "problem": text})

    async def close(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            await asyncio.wait({self._probing})

    def _failed(self, error: Exception, *, hanging: bool) -> None:
        self.complain(error)
        if self.breaker.failed(f"the legacy database of {self._source} is away", hanging=hanging):
            log.error("legacy_breaker_open", extra={"source": self._source})
            self._probing = asyncio.create_task(self._probe_until_it_answers())

    async def _probe_until_it_answers(self) -> None:
        while self.breaker.state != "closed":
            await asyncio.sleep(limits.PROBE_EACH)
            self.breaker.probe()
            try:
                await self._probe()
            except Exception as error:  # noqa: BLE001 - whatever it is, it was no answer
                self.complain(error)
                self.breaker.probed(f"the legacy database of {self._source} is away")
            else:
                self.breaker.probed(None)
                log.info("legacy_breaker_closed", extra={"source": self._source})
