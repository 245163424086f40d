"""Reading journals: the verified frames of a writer, and what its end means.

Nobody truncates a journal. A reader stops at the first frame that is not good and asks what lies
behind it: frames of the same group as the bad one were never acknowledged (a torn tail); a later
group was only written after the bad frame's had been durable, so its presence, or a beat's, means
damage.
"""

import contextlib
import enum
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from skold import records
from skold.disk import opened
from skold.frames import Frame, Position, claim_of, start_of, take_frames
from skold.records import RawFrame
from skold.segments import SUFFIX, segment_name
from skold.slots import WriterName, find_writer, is_living, list_writers

__all__ = [
    "Frame",
    "Position",
    "Tail",
    "Tip",
    "WriterReader",
    "find_tip",
    "iter_writers",
    "start_of",
]

CHUNK = 256 * 1024
"""Bytes of a look at a segment. A frame always fits; more would cost a silent writer's every look,
since a segment is there in full length from its beginning.
"""
_HEADER = 44


@dataclass(frozen=True, slots=True)
class Tip:
    """The last record of a writer."""

    writer: str
    n: int
    chain: bytes


class Tail(enum.Enum):
    """What lies behind the last good frame."""

    LIVING = "living"  # the writer's slot is held: more may come, read again
    ENDED = "ended"  # it is dead, and everything it acknowledged has been read
    DAMAGED = "damaged"  # records that were durable once are gone or changed: an alarm


def iter_writers(directory: str | Path) -> Iterator[str]:
    """Names of all writers of a journal directory, in the order in which they started."""
    return map(str, list_writers(Path(directory)))


class WriterReader:
    """Frames of one writer in order, from a position on. Holds nothing open between calls."""

    def __init__(
        self, directory: str | Path, writer: str, position: Position | None = None
    ) -> None:
        """`position` is what an earlier frame gave as `after`; None begins at the first."""
        name = find_writer(writer)
        if name is None:
            raise ValueError(
                f"{writer!r} is not the name of a writer: <node>.<epoch>.<slot>.<start>"
            )
        self.position = position or start_of(writer)
        self._name = name
        self._writer = writer
        self._claim = claim_of(writer)
        self._directory = Path(directory)
        self._folder = self._directory / writer

    def read(self, limit: int = 1000) -> list[Frame]:
        """The next good frames, at most `limit`; an empty list when there are none now."""
        frames: list[Frame] = []
        while len(frames) < limit:
            before = self.position
            self._read_chunk(frames, limit)
            if self.position == before and not self._enter_next_segment():
                break
        return frames

    def tail(self) -> Tail:
        """What the end that `read` has reached means; ask when it returned an empty list."""
        living = is_living(self._directory, self._name)
        if not living or self._something_behind():
            before = self.position
            if self._damaged() and not self._grown(before):
                return Tail.DAMAGED
        return Tail.LIVING if living else Tail.ENDED

    def _read_chunk(self, frames: list[Frame], limit: int) -> None:
        at = self.position
        buffer = self._bytes(at.segment, at.offset, CHUNK)
        self.position = take_frames(buffer, at, self._claim, frames, limit)

    def _enter_next_segment(self) -> bool:
        """Go on in the next file if its first frame continues the last good one."""
        here = self.position
        start = Position(here.segment + 1, 0, here.n, here.chain)
        buffer = self._bytes(start.segment, 0, records.MAX_FRAME)
        if take_frames(buffer, start, self._claim, [], 1) == start:
            return False
        self.position = start
        return True

    def _something_behind(self) -> bool:
        at = self.position
        return any(self._bytes(at.segment, at.offset, records.MAX_FRAME)) or any(
            any(self._bytes(segment, 0, _HEADER)) for segment in self._later_segments()
        )

    def _damaged(self) -> bool:
        at = self.position
        raw = records.find_frame(self._bytes(at.segment, at.offset, records.MAX_FRAME))
        if raw is not None:
            return True  # a frame that was written whole, and is not the one that belongs here
        return any(_written_after(frame, at.n) for frame in self._iter_behind())

    def _grown(self, before: Position) -> bool:
        """A living writer may have finished writing what looked broken a moment ago."""
        grown = bool(self.read(1)) or self.position != before
        self.position = before
        return grown

    def _iter_behind(self) -> Iterator[RawFrame]:
        at = self.position
        yield from _iter_good_frames(self._bytes(at.segment, at.offset, -1), self._writer)
        for segment in self._later_segments():
            yield from _iter_good_frames(self._bytes(segment, 0, -1), self._writer)

    def _later_segments(self) -> list[int]:
        """Those that are there; one may be missing between them."""
        names = [path.stem for path in self._folder.glob(f"*{SUFFIX}")]
        found = sorted(int(name) for name in names if name.isdecimal())
        return [segment for segment in found if segment > self.position.segment]

    def _bytes(self, segment: int, offset: int, size: int) -> bytes:
        path = self._folder / segment_name(segment)
        with contextlib.suppress(FileNotFoundError), opened(path, os.O_RDONLY) as fd:
            wanted = size if size >= 0 else max(0, os.fstat(fd).st_size - offset)
            return os.pread(fd, wanted, offset)
        return b""


def find_tip(directory: Path, name: WriterName) -> Tip | None:
    """The last record of a writer by its frames' checksums alone; None if it never wrote one.

    Quick, for a successor's `open`: whether the chain holds is for the ledger to verify.
    """
    folder = directory / str(name)
    tip: Tip | None = None
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        buffer = path.read_bytes()
        offset = 0
        while frame := records.find_frame(buffer, offset):
            tip, offset = Tip(str(name), frame.n, frame.chain), frame.end
        if tip is not None:
            break
    return tip


def _iter_good_frames(buffer: bytes, writer: str) -> Iterator[RawFrame]:
    """Every whole frame of this writer in `buffer`, wherever it begins. In a flat canonical body
    the two bytes {" stand at its beginning only, so the nearest ones before the writer's name begin
    the body.
    """
    mark = b'"writer":"' + writer.encode() + b'"'
    place = 0
    while (found := buffer.find(mark, place)) >= 0:
        begin = buffer.rfind(b'{"', max(0, found - records.MAX_BODY), found)
        frame = records.find_frame(buffer, begin - _HEADER) if begin >= _HEADER else None
        if frame is not None:
            yield frame
        place = frame.end if frame is not None else found + 1


def _written_after(frame: RawFrame, n: int) -> bool:
    """Whether this frame can only have been written when record `n` was durable already."""
    fields = records.find_fields(frame.body) or {}
    if fields.get("kind") == "beat":
        return frame.n >= n
    group = fields.get("group")
    return isinstance(group, int) and group > n
