"""Loops that never give up: each in a thread of its own, so that one that waits holds up no other.

A loop's step is idempotent and does a bounded piece of work. What it raises is logged once for each
kind of trouble, and tried again after a wait that doubles up to a limit; the first success says so.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from contentserver import telemetry

log = logging.getLogger(__name__)

LONGEST_WAIT = 15.0
"""Seconds. How late a loop notices at most that what it needs is back."""

Step = Callable[[], bool]
"""True: there is more to do right now."""


@dataclass(slots=True)
class LoopState:
    """What the status file says of a loop. Times are epoch seconds."""

    last_success: float | None = None
    last_error: str | None = None
    failures: int = 0
    """Consecutive ones; 0 while all is well."""
    facts: Mapping[str, Any] = field(default_factory=dict)


class Loop:
    """Runs `step` each `interval` seconds until `stop` is set; at once while there is more."""

    def __init__(
        self,
        name: str,
        step: Step,
        *,
        interval: float,
        stop: threading.Event,
        after_error: Callable[[], None] = lambda: None,
        facts: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """`after_error` puts down what may be broken (a database connection); `facts` is asked
        after each step and shown in the status file."""
        self.name = name
        self.state = LoopState()
        self._step = traced_step(name, step) if telemetry.is_wanted() else step
        self._interval = interval
        self._stop = stop
        self._after_error = after_error
        self._facts = facts
        # A daemon: one that hangs in a frozen database or disk must not keep the process alive. Its
        # work is idempotent, so an end at any moment costs nothing.
        self._thread = threading.Thread(target=self._run, name=f"bridge-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout: float) -> bool:
        """Whether the loop has ended within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        structlog.contextvars.bind_contextvars(loop=self.name)
        wait = 0.0
        while not self._stop.wait(wait):
            wait = self._once()
        self._after_error()

    def _once(self) -> float:
        try:
            more = self._step()
            facts = self._facts() if self._facts else {}
        except Exception as error:  # noqa: BLE001 - whatever it was, the loop must go on
            return self._failed(error)
        if self.state.failures:
            log.info("bridge_loop_recovered", extra={"loop": self.name})
        self.state = LoopState(last_success=time.time(), facts=facts)
        return 0.0 if more else self._interval

    def _failed(self, error: Exception) -> float:
        said = f"{type(error).__name__}: {error}".strip()
        failures = self.state.failures + 1
        wait: float = min(LONGEST_WAIT, max(self._interval, 0.25) * 2 ** min(failures - 1, 10))
        if said != self.state.last_error:
            log.warning(
                "bridge_loop_failed",
                extra={"loop": self.name, "error": said, "retry_in": wait},
                exc_info=error,
            )
        self.state = LoopState(self.state.last_success, said, failures, self._last_facts())
        try:
            self._after_error()
        except Exception:
            log.exception("bridge_loop_cleanup_failed", extra={"loop": self.name})
        return wait

    def _last_facts(self) -> Mapping[str, Any]:
        """What can be told while the step fails: since when, above all."""
        try:
            return self._facts() if self._facts else {}
        except Exception:  # noqa: BLE001 - they may come from what is broken
            return self.state.facts


def traced_step(name: str, step: Step) -> Step:
    """The step as a span of its own, which holds the statements it sends."""
    from contentserver.tracing import tracer  # noqa: PLC0415 - only where traces are wanted

    def traced() -> bool:
        with tracer().start_as_current_span(
            f"bridge {name}", attributes={"contentserver.loop": name}
        ):
            return step()

    return traced
