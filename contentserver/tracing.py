"""Traces of this process by OpenTelemetry, to where the standard variables say (OTLP over HTTP).

What leaves is named here, attribute by attribute: an instrumentation that grows a new one tells
nobody a key, a query, a statement or a person. Imported only where contentserver.telemetry says so.
"""

import os
import re
import threading
from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SpanExporter,
    SpanExportResult,
)
from opentelemetry.trace import Link, Status

from contentserver import __version__
from contentserver.conf import Config

TOLD = frozenset(
    {
        "http.method", "http.request.method", "http.route", "http.status_code",
        "http.response.status_code", "http.scheme", "url.scheme", "http.flavor",
        "network.protocol.version", "http.response.body.size", "error.type",
        "db.system", "db.system.name", "db.name", "db.namespace", "db.operation.name",
        "messaging.system", "messaging.operation", "celery.action", "celery.task_name",
        "celery.state", "celery.retries", "messaging.destination", "messaging.destination_kind",
        "contentserver.request_id", "contentserver.action", "contentserver.collection",
        "contentserver.loop", "contentserver.work",
    }
)  # fmt: skip
"""The attributes that leave the process. Never addresses, keys, queries, statements or people."""
_NAME = re.compile(r"[\w .,:/<>{}()?*+^$|\[\]\\-]{1,160}")
_started = threading.Lock()
_provider: TracerProvider | None = None


class ExporterUnknownError(Exception):
    """OTEL_TRACES_EXPORTER or the protocol names something that this server does not speak."""


class Discreet(SpanExporter):
    """Hands on spans with the attributes of TOLD alone; of an exception its type, of a status
    nothing but whether it was an error."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._inner.export([discreet(span) for span in spans])

    def shutdown(self) -> None:
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def discreet(span: ReadableSpan) -> ReadableSpan:
    """A copy that tells no more than it may."""
    attributes = span.attributes or {}
    return ReadableSpan(
        name=span.name if _NAME.fullmatch(span.name) else "span",
        context=span.get_span_context(),
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in attributes.items() if name in TOLD},
        events=[_discreet_event(event) for event in span.events],
        links=[Link(link.context) for link in span.links],
        kind=span.kind,
        instrumentation_scope=span.instrumentation_scope,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
    )


def _discreet_event(event: Event) -> Event:
    kept = {
        name: value for name, value in (event.attributes or {}).items() if name == "exception.type"
    }
    return Event("exception" if event.name == "exception" else "event", kept, event.timestamp)


def start(config: Config) -> None:
    """Begin once in this process; later calls do nothing. Raises ExporterUnknownError."""
    global _provider
    with _started:
        if _provider is not None:
            return
        name = os.environ.get("OTEL_SERVICE_NAME") or "contentserver"
        resource = Resource.create(
            {
                "service.name": name,
                "service.version": __version__,
                "service.instance.id": f"{config.node}-{os.getpid()}",
            }
        )
        # The sampler is that of OTEL_TRACES_SAMPLER, the batches those of OTEL_BSP_*.
        _provider = TracerProvider(resource=resource)
        _provider.add_span_processor(BatchSpanProcessor(Discreet(_exporter())))
        trace.set_tracer_provider(_provider)


def flush() -> None:
    """Send what is finished; gives up after five seconds."""
    if _provider is not None:
        _provider.force_flush(5000)


def tracer() -> trace.Tracer:
    """The product's own; spans of it go nowhere before `start`."""
    return trace.get_tracer("contentserver", __version__)


def _exporter() -> SpanExporter:
    wanted = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or "otlp"
    if wanted == "console":
        return ConsoleSpanExporter()
    protocol = (
        os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        or "http/protobuf"
    )
    if wanted != "otlp" or protocol != "http/protobuf":
        raise ExporterUnknownError(
            "OTEL_TRACES_EXPORTER is otlp, console or none, and OTEL_EXPORTER_OTLP_PROTOCOL "
            "http/protobuf; leave both out for the usual"
        )
    return OTLPSpanExporter()
