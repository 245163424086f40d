"""The steps that an operation asks its driver for; the rules of the client are written in them and
nowhere else.

An operation is a generator: it yields steps and is sent their results, so that the same rule runs
on blocking sockets, on an event loop, and in a test on none. `Broken` is thrown into it where a
connection failed.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

T = TypeVar("T")


class Broken(Exception):
    """The connection failed. Unless `sent`, no byte of the request can have been acted upon."""

    def __init__(self, why: str, *, sent: bool = True) -> None:
        super().__init__(why)
        self.sent = sent


class Body(Protocol):
    """Bytes of a request. `length` None: chunked. Unless `blocking`, `pieces` reads no file."""

    @property
    def length(self) -> int | None: ...
    @property
    def blocking(self) -> bool: ...
    def pieces(self) -> Iterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Passing:
    """A chunked body that comes once: pieces that were `taken` already, then those of an iterator,
    sync or async. `seen` gets each of them.
    """

    taken: tuple[bytes, ...]
    pull: Any
    seen: Callable[[bytes], None]

    def pieces(self) -> Iterator[bytes]:
        """Of an iterator that is not async."""
        for piece in chain(self.taken, self.pull):
            self.seen(piece)
            yield piece


@dataclass(frozen=True, slots=True)
class Request:
    """`url` is absolute and percent-encoded, sent as it stands. `told` hears after each piece of
    the body how many bytes have been handed over.
    """

    method: str
    url: str
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    body: Body | Passing | bytes | None = None
    told: Callable[[int], object] | None = None


@dataclass(slots=True)
class Answer:
    """Header names are lower case. `body` is whole, unless the answer was asked for as a stream:
    then `stream` is the driver's, and `Next` and `Drop` work on it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    stream: Any = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; result: Answer. With `stream`, a body of a status below 400 is left to
    `Next`. Broken may be thrown.
    """

    request: Request
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """The next bytes of a streamed answer; result: bytes, empty at its end. Broken may be thrown,
    also where the answer ended early.
    """

    answer: Answer


@dataclass(frozen=True, slots=True)
class Drop:
    """Let go of a streamed answer, read to its end or not."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Pull:
    """The next item of an iterator, sync or async; result: bytes, or None at its end."""

    source: Any


@dataclass(frozen=True, slots=True)
class Wait:
    """Let `seconds` pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Call something that may touch a local file; result: what it returns."""

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Emit(Generic[T]):
    """An item of a flow, for whoever iterates over it."""

    item: T


Step: TypeAlias = Send | Next | Drop | Pull | Wait | Work
Op: TypeAlias = Generator[Step, Any, T]
Flow: TypeAlias = Generator[Step | Emit[T], Any, None]
