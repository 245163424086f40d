"""One id through everything: which request, task, command or loop a log line belongs to.

Read when a line is written, so that what is never logged costs nothing. Imports no Django.
"""

import os
import sys
from contextvars import ContextVar
from typing import Any, Protocol

import structlog
from structlog.typing import EventDict


class HasRequestId(Protocol):
    """What a plane serves; its id may still change while its head is read."""

    request_id: str


serving: ContextVar[HasRequestId | None] = ContextVar("serving", default=None)
"""The request of the data plane that this task answers."""


def request_id() -> str | None:
    """The id of what is under way here, in whichever process; None outside of all."""
    served = serving.get()
    if served is not None:
        return served.request_id
    bound = structlog.contextvars.get_contextvars().get("request_id")
    return bound if isinstance(bound, str) else None


def name_what_is_under_way(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """A processor: the request's id and, where it is traced, the ids of W3C Trace Context."""
    served = serving.get()
    if served is not None:
        event.setdefault("request_id", served.request_id)
    trace = sys.modules.get("opentelemetry.trace")
    if trace is not None:
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            event["trace_id"] = format(context.trace_id, "032x")
            event["span_id"] = format(context.span_id, "016x")
    return event


def name_command(name: str) -> None:
    """From now on every line of this process says which run of which command wrote it."""
    structlog.contextvars.bind_contextvars(command=name, request_id=os.urandom(12).hex())
