"""Spans of the control plane: Django's views, Celery's tasks, psycopg's statements.

By OpenTelemetry's own instrumentations; what they put into spans leaves through
contentserver.tracing, which lets no URL, statement or parameter out. Imported only where
contentserver.telemetry says so.
"""

from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor

from contentserver.conf import Config
from contentserver.tracing import start


def instrument(config: Config) -> None:
    """Before the first request, task or connection of this process. Raises ExporterUnknownError."""
    start(config)
    DjangoInstrumentor().instrument(is_sql_commentor_enabled=False)
    PsycopgInstrumentor().instrument(enable_commenter=False, capture_parameters=False)
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]  # it has no types
