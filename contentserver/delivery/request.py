"""One request as the data plane sees it: method, raw path, headers read once, the body as it
arrives.
"""

import os
import string
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any

from contentserver.delivery.errors import BadRequest
from contentserver.planes import PEER

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Fields that may stand once only: a second one is how requests are smuggled (RFC 9110 section 5.3,
# RFC 9112
# section 6.3). The others are lists, joined with a comma as RFC 9110 section 5.2 has it; so is
# Authorization, of which the gate refuses a second one as it refuses all that is no credential.
SINGLE = frozenset(
    {
        "host", "content-length", "content-type", "content-disposition", "range",
        "if-range", "if-modified-since", "if-unmodified-since", "on-behalf-of", "data-subject",
        "x-request-id", "x-custom", "transfer-encoding", "expect", "x-ssl-client-verify",
        "x-ssl-client-cert", "tus-resumable", "upload-offset", "upload-length",
        "upload-defer-length", "upload-metadata", "upload-checksum", "x-http-method-override",
    }
)  # fmt: skip
_REQUEST_ID = frozenset(string.ascii_letters + string.digits + "-_.")


def _fresh_ids() -> Iterator[str]:
    """96 random bits each, drawn from the kernel a few hundred at a time."""
    while True:
        pool = os.urandom(12 * 256).hex()
        for start in range(0, len(pool), 24):
            yield pool[start : start + 24]


_request_ids = _fresh_ids()


class Request:
    """Headers are Latin-1 text by lower-case name; `arrived` is time.perf_counter(). `pairs` are
    the headers as they came, before anybody read them. `method` is what is asked for; an answer to
    what was sent as HEAD is `bare`, without a body.
    """

    __slots__ = (
        "_needs_host",
        "address",
        "arrived",
        "bare",
        "headers",
        "method",
        "pairs",
        "peer",
        "query",
        "raw_path",
        "receive",
        "request_id",
        "send",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.arrived = time.perf_counter()
        self.method: str = scope["method"]
        self.bare = self.method == "HEAD"
        self.pairs: list[tuple[bytes, bytes]] = scope["headers"]
        self.raw_path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self._needs_host = scope["http_version"] == "1.1"
        client = scope.get("client")
        self.address: str = client[0] if client else "local"
        self.peer: str | None = scope.get(PEER)
        self.receive = receive
        self.send = send
        self.headers: Mapping[str, str] = {}
        self.request_id = next(_request_ids)

    def read_headers(self, pairs: list[tuple[bytes, bytes]]) -> None:
        """Take the headers in. Raises BadRequest naming the header that is missing (RFC 9112
        section 3.2), stands twice or contradicts another.
        """
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
        if len(headers) != len(pairs):
            headers = _joined(pairs)
        if self._needs_host and "host" not in headers:
            raise BadRequest("HTTP/1.1 needs the header Host; send it", close=True)
        if "transfer-encoding" in headers and "content-length" in headers:
            raise BadRequest(
                "Content-Length and Transfer-Encoding exclude each other; send one", close=True
            )
        self.headers = headers
        given = headers.get("x-request-id")
        if given is not None and 0 < len(given) <= 64 and _REQUEST_ID.issuperset(given):
            self.request_id = given

    def text(self, name: str) -> str | None:
        """A header's value as the UTF-8 it was sent in. BadRequest names one that is not."""
        value = self.headers.get(name)
        if value is None or value.isascii():
            return value
        try:
            return value.encode("latin-1").decode()
        except UnicodeDecodeError:
            raise BadRequest(f"the header {name} is not UTF-8") from None

    @property
    def content_length(self) -> int | None:
        """Bytes announced, or None for a chunked body. Raises BadRequest if it is no number."""
        value = self.headers.get("content-length")
        if value is None:
            return None if "transfer-encoding" in self.headers else 0
        if not (value.isascii() and value.isdigit()) or len(value) > 18:
            raise BadRequest("Content-Length is not a number of bytes", close=True)
        return int(value)


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name in SINGLE:
            raise BadRequest(f"the header {name} is given more than once; send it once", close=True)
        else:
            headers[name] += ", " + value
    return headers
