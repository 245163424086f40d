"""Reading journals: verified frames of a writer, and what its end means."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next frame lies and what it must continue: `n` is the next number, `chain` the last."""

    segment: int
    offset: int
    n: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """A numbered, verified record. `after` is the position behind it. Beats are not yielded."""

    n: int
    body: bytes
    private: bytes
    leaf: bytes
    chain: bytes
    after: Position

    @property
    def fields(self) -> dict[str, Any]:
        raise NotImplementedError


class Tail(enum.Enum):
    LIVING = "living"  # its slot is held: more may come
    ENDED = "ended"  # dead; everything good has been read
    DAMAGED = "damaged"  # records that were durable once are gone: an alarm


def iter_writers(directory: str | Path) -> Iterator[str]:
    """Names of all writers of a journal directory, oldest first."""
    raise NotImplementedError


def start_of(writer: str) -> Position:
    """The position of a writer's very first frame."""
    raise NotImplementedError


class WriterReader:
    """Frames of one writer in order; stops at the first bad one."""

    position: Position

    def __init__(
        self, directory: str | Path, writer: str, position: Position | None = None
    ) -> None: ...

    def read(self, limit: int = 1000) -> list[Frame]:
        """The next good frames, at most `limit`; an empty list when there are none now."""
        raise NotImplementedError

    def tail(self) -> Tail:
        """What the end reached by `read` means. Ask after `read` returned an empty list; after LIVING,
        read again."""
        raise NotImplementedError
