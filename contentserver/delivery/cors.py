"""Pages of other origins that may upload (CORS): none unless CONTENTSERVER_CORS_ORIGINS names them.

Credentials of a browser are never asked for: whoever uploads has a signed URL or sends a key.
"""

from collections.abc import Sequence

Headers = list[tuple[bytes, bytes]]

EXPOSED = (
    b"Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Expires, "
    b"Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, Tus-Checksum-Algorithm, Location, "
    b"ETag, X-Version, X-Request-Id, Retry-After"
)
ALLOWED = (
    b"Authorization, Content-Type, Content-Digest, If-Match, If-None-Match, If-Unmodified-Since, "
    b"On-Behalf-Of, Repr-Digest, Tus-Resumable, Upload-Checksum, Upload-Defer-Length, "
    b"Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, X-Request-Id, "
    b"X-Requested-With"
)
METHODS = b"POST, HEAD, PATCH, DELETE, OPTIONS"
REMEMBER = b"7200"  # seconds that a browser need not ask again


class Cors:
    """What answers tell a browser about the page that asks. `origins`: `https://host[:port]`."""

    def __init__(self, origins: Sequence[str] = ()) -> None:
        self._origins = frozenset(origin.rstrip("/").encode() for origin in origins)

    def marks(self, pairs: Sequence[tuple[bytes, bytes]]) -> Headers:
        """Headers of every answer; none at all where no origin is configured."""
        if not self._origins:
            return []
        vary = [(b"vary", b"Origin")]
        origin = find_header(pairs, b"origin")
        if origin not in self._origins:
            return vary
        return [
            *vary,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", EXPOSED),
        ]

    def preflight(self, pairs: Sequence[tuple[bytes, bytes]]) -> Headers:
        """Headers of the answer to OPTIONS, `marks` among them."""
        marks = self.marks(pairs)
        if len(marks) < 2:
            return marks
        return [
            *marks,
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", ALLOWED),
            (b"access-control-max-age", REMEMBER),
        ]


def find_header(pairs: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes:
    """The first header of this lower-case name, empty where there is none."""
    return next((value for known, value in pairs if known == name), b"")
