"""The turns of an operation and its driver, and what both drivers make of httpx alike."""

from collections.abc import Generator, Mapping
from typing import Any, Generic, TypeVar

import httpx

from contentserver.client.steps import Answer, Broken, Passing, Request

T = TypeVar("T")

# Errors that come before a byte of the request has left.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class Turns(Generic[T]):
    """Keeps what goes into an operation next, and which answers it opened."""

    result: T

    def __init__(self, operation: Generator[Any, Any, T]) -> None:
        self._operation = operation
        self._given: Any = None
        self._failure: Exception | None = None
        self._opened: list[Answer] = []

    def step(self) -> Any:
        """The next step, or None at the end: then `result` is set, and streams that are open are
        its owner's. Raises what the operation raises.
        """
        given, failure = self._given, self._failure
        self._given = self._failure = None
        try:
            return self._operation.throw(failure) if failure else self._operation.send(given)
        except StopIteration as ended:
            self.result = ended.value
            self._opened.clear()
            return None

    def took(self, result: Any) -> None:
        """The result of the step."""
        self._given = result
        if isinstance(result, Answer) and result.stream is not None:
            self._opened.append(result)

    def failed(self, error: Exception) -> None:
        """The step failed; the operation decides what that means."""
        self._failure = error

    def abandon(self) -> None:
        """Nobody iterates any more; what is open belongs to an object that somebody holds."""
        self._opened.clear()

    def end(self) -> list[Answer]:
        """Close the operation. Returns the answers that nobody will let go of."""
        self._operation.close()
        return self._opened


def broken_by(error: httpx.TransportError) -> Broken:
    """What an error of the transport means. Its text has no header and no query."""
    why = str(error) or type(error).__name__
    return Broken(why, sent=not isinstance(error, _UNSENT))


def framed(request: Request) -> list[tuple[bytes, bytes]]:
    """Header fields as bytes; the length stands there where it is known, or httpx would chunk.
    Raises ValueError naming a field that would end early and begin another.
    """
    fields = [(name.encode(), _bytes(name, value)) for name, value in request.headers.items()]
    body = request.body
    if body is not None and not isinstance(body, bytes | Passing) and body.length is not None:
        fields.append((b"content-length", b"%d" % body.length))
    return fields


def tell_all(request: Request) -> None:
    """A body that went in one piece has gone."""
    if request.told is not None and isinstance(request.body, bytes):
        request.told(len(request.body))


def lowered(headers: httpx.Headers) -> Mapping[str, str]:
    """By lower-case name."""
    return {name.lower(): value for name, value in headers.items()}


def _bytes(name: str, value: str | bytes) -> bytes:
    try:
        raw = value if isinstance(value, bytes) else value.encode("latin-1")
    except UnicodeEncodeError:
        raise ValueError(f"{name} has a character that no header can carry") from None
    if raw != raw.strip() or any(byte in raw for byte in b"\r\n\0"):
        raise ValueError(f"{name} must not have line ends, nor spaces at its ends")
    return raw
