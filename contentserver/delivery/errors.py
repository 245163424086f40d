"""What can be wrong with a request before the store is asked. `problems.py` turns each into its
answer.
"""

from contentserver.protocol import tus


class RequestError(Exception):
    """`close` asks for the connection to be closed, because what follows on it cannot be told
    apart.
    """

    def __init__(self, detail: str = "", *, close: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.close = close


class BadRequest(RequestError):
    """400: the request contradicts itself or a rule of HTTP."""


class Unauthenticated(RequestError):
    """401: no credential, or one that is not accepted. Everything but the status is for the record
    only.
    """

    def __init__(
        self,
        reason: str,
        client: str | None = None,
        credential: str | None = None,
        claimed: str | None = None,
    ) -> None:
        super().__init__("send a valid credential")
        self.reason = reason
        self._named = {"client": client, "credential": credential, "claimed": claimed}

    def named(self) -> dict[str, str]:
        """Fields of the record that are known."""
        return {name: value for name, value in self._named.items() if value is not None}


class Forbidden(RequestError):
    """404 outside, the reason in the record."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class EndUserRefused(BadRequest):
    """400: the grant holds, but the end user is missing, unwanted or not proven."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Hidden(RequestError):
    """404: absent or forbidden; from outside the two look the same."""


class MethodNotAllowed(RequestError):
    """405: the route exists, the method does not; `allowed` are those that do."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"allowed here: {', '.join(sorted(allowed))}")
        self.allowed = allowed

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"allow", ", ".join(sorted(self.allowed)).encode())]


class BodyStalled(RequestError):
    """408: the body stopped arriving, or arrives slower than the minimum rate."""


class BodyCut(RequestError):
    """The client went away before the whole body had arrived."""


class BodyTooLarge(RequestError):
    """413: longer than the collection allows, or than was announced."""


class WrongMediaType(RequestError):
    """415: the collection takes no files of this type."""


class TooManyRequests(RequestError):
    """429: beyond the limits; Retry-After says in how many seconds to come back. `recorded_as` is
    what the record says, None where the request was counted instead.
    """

    def __init__(
        self, detail: str, retry_after: int = 1, recorded_as: Unauthenticated | None = None
    ) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
        self.recorded_as = recorded_as

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"retry-after", b"%d" % self.retry_after)]


class Overloaded(RequestError):
    """503: more requests under way than this process takes on."""


class TakenOver(RequestError):
    """423: a newer request asked for the upload while this one held it."""


class NotNow(RequestError):
    """423: the server cannot tell how far an upload is, for whatever reason."""


class TusNotOffered(RequestError):
    """412: a version or extension of tus that is not offered; the headers say which are."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"tus-version", tus.VERSION.encode()),
            (b"tus-extension", ",".join(tus.EXTENSIONS).encode()),
        ]


class LengthRequired(RequestError):
    """411: this route wants to know the length before the body."""


class RangeUnsatisfiable(RequestError):
    """416: the file has no byte of the range."""

    def __init__(self, content_range: str) -> None:
        super().__init__("the file has no byte of the range asked for")
        self.content_range = content_range

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"content-range", self.content_range.encode())]


class PeerGone(RequestError):
    """The reader left or stopped reading; nothing more can be sent, only recorded."""


class SubjectErased(RequestError):
    """410: the data subject was erased; nothing more is stored about them."""


class NotAsExpected(RequestError):
    """412: a condition does not hold for a file that legacy answers for."""


class WrittenInLegacy(RequestError):
    """409: while files of this source are being moved, the legacy system takes their writes."""

    def __init__(self, source: str, mode: str) -> None:
        super().__init__(
            f"files of the source {source} are in mode {mode}: write them in the legacy system,"
            " as before; here they are taken from mode writeback on"
        )
