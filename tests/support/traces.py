"""A receiver of OTLP over HTTP, as a collector is one."""

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class Collector:
    """What arrived: spans decoded, and every byte as it was."""

    def __init__(self) -> None:
        self.port = 0
        self.raw = b""
        self.spans: list[Any] = []
        self.services: set[str] = set()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_SERVICE_NAME": "tested",
        }

    def take(self, raw: bytes) -> None:
        self.raw += raw
        request = ExportTraceServiceRequest.FromString(raw)
        for group in request.resource_spans:
            told = {a.key: a.value.string_value for a in group.resource.attributes}
            self.services.add(told["service.name"])
            for scope in group.scope_spans:
                self.spans += scope.spans

    def wait_for(self, name: str, seconds: float = 10.0) -> Any:
        """The first span whose name contains this."""
        return self.wait_until(lambda span: name in span.name, seconds)

    def wait_until(self, fits: Callable[[Any], bool], seconds: float = 10.0) -> Any:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for span in list(self.spans):
                if fits(span):
                    return span
            time.sleep(0.05)
        raise AssertionError(f"it is not among {sorted({span.name for span in self.spans})}")

    def children(self, span: Any) -> list[Any]:
        return [each for each in self.spans if each.parent_span_id == span.span_id]


def attributes(span: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
    }


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            collector.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
