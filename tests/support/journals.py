"""Small journals for tests, and what a reader makes of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skold.journal import Journal
from skold.journal_reader import Frame, Tail, WriterReader, iter_writers

SEGMENT = 64 * 1024
BODY = {"id": "r-1", "action": "read", "decision": "allow", "client": "campus", "bytes": 7}
PRIVATE = {"key": "students/1.jpg", "end_user": "anna", "user_agent": None}


@contextmanager
def journal(*dirs: Path, **options: Any) -> Iterator[Journal]:
    """A started journal with segments of 64 KiB; closed at the end."""
    made = Journal(dirs, "node-1", **{"segment_size": SEGMENT, **options})
    made.start()
    try:
        yield made
    finally:
        made.close()


def read_all(directory: Path, writer: str) -> tuple[list[Frame], Tail]:
    """Every good frame of a writer, and what its end means."""
    reader = WriterReader(directory, writer)
    frames: list[Frame] = []
    while found := reader.read():
        frames += found
    return frames, reader.tail()


def the_writer(directory: Path) -> str:
    """The only writer there."""
    (writer,) = iter_writers(directory)
    return writer


def kinds(frames: list[Frame]) -> list[str]:
    return [frame.fields["kind"] for frame in frames]
