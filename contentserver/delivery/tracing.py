"""The data plane with spans: one for each request, and below it what it waits for.

A data plane of its own class, so that one without traces runs none of this. Names are the templates
of routes; keys, queries and end users are in no span.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from opentelemetry import propagate
from opentelemetry.trace import SpanKind, StatusCode, Tracer

from contentserver.conf import Config
from contentserver.delivery.access import Access
from contentserver.delivery.app import DataPlane
from contentserver.delivery.health import Health
from contentserver.delivery.parts import Parts
from contentserver.delivery.routes import Found
from contentserver.tracing import start, tracer
from skold.journal import Journal, Ticket

T = TypeVar("T")
_TAKEN_OVER = (b"traceparent", b"tracestate")


def traced_plane(config: Config, parts: Parts, health: Health) -> DataPlane:
    """A data plane of these parts that tells of its requests. Raises ExporterUnknownError."""
    start(config)
    own = tracer()
    fields = {field.name: getattr(parts, field.name) for field in dataclasses.fields(parts)}
    fields["journal"] = TracedJournal(parts.journal, own)
    return TracedDataPlane(TracedParts(**fields), health)


class TracedDataPlane(DataPlane):
    """Takes the caller's trace over (W3C Trace Context) and adds a span to it."""

    async def _answer(
        self, access: Access, found: Found, headers: list[tuple[bytes, bytes]]
    ) -> None:
        method = access.request.method
        carried = {
            name.decode(): value.decode("latin-1") for name, value in headers if name in _TAKEN_OVER
        }
        template = _template(found)
        with tracer().start_as_current_span(
            f"{method} {template}".strip(),
            context=propagate.extract(carried),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "url.scheme": "http"},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                await super()._answer(access, found, headers)
            finally:
                route = template or access.route or "none"
                span.set_attribute("http.route", route)
                span.set_attribute("http.response.status_code", access.status)
                span.set_attribute("http.response.body.size", access.sent)
                span.set_attribute("contentserver.request_id", access.request.request_id)
                span.set_attribute("contentserver.action", access.action)
                if access.status == 0 or access.status >= 500:
                    span.set_status(StatusCode.ERROR)


class TracedParts(Parts):
    """Work on threads, each with a span."""

    __slots__ = ()

    async def reading(self, work: Callable[..., T], *arguments: Any) -> T:
        with tracer().start_as_current_span(f"disk read {_name(work)}"):
            return await Parts.reading(self, work, *arguments)

    async def writing(self, work: Callable[..., T], *arguments: Any) -> T:
        with tracer().start_as_current_span(f"disk write {_name(work)}"):
            return await Parts.writing(self, work, *arguments)


class TracedJournal:
    """A journal whose waits for the disk are spans; in all else the journal itself."""

    def __init__(self, journal: Journal, own: Tracer) -> None:
        self._journal = journal
        self._tracer = own

    async def durable(self, ticket: Ticket) -> None:
        with self._tracer.start_as_current_span("journal durable"):
            await self._journal.durable(ticket)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


def _template(found: Found) -> str:
    """The route as http.route has it; empty for an address of no route."""
    if found.route is None:
        return ""
    return found.route.path


def _name(work: Callable[..., Any]) -> str:
    """Of a function, a method or a partial of one; never of its arguments."""
    inner = getattr(work, "func", work)
    return str(getattr(inner, "__qualname__", type(inner).__name__)).replace(".<locals>", "")
