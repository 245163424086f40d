"""Whether this process is traced. Imports nothing of OpenTelemetry: without its variables nothing
is loaded, and no request pays for the question.

The variables are those of OpenTelemetry's specification: OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_TRACES_EXPORTER switch it on, OTEL_SDK_DISABLED off.
"""

import os
from collections.abc import Mapping


def is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces. An empty variable counts as unset, as specified."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter:
        return exporter != "none"
    return bool(
        environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )
