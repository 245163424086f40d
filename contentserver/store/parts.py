"""Parts of an upload: writing one, reading them back, saving what a dead request left.

Part 1 is written as the final body: the header's place is left free before it, and its stream is
the file's own. An upload of one part that was ended by its last segment becomes the file as it
stands; in every other case the parts are streamed into a new body, with a salt of its own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from contentserver.store import fileops, segments
from contentserver.store.room import create_in_room
from contentserver.store.staging import BODY, PartInfo, UploadInfo

_STRETCH = 8 << 20
"""Bytes after which the kernel is asked to begin writing, so that the final fsync finds little to
do.
"""

_VECTOR = 512
"""Pieces in one system call; Linux takes 1024."""

_READ = 8 * segments.SEGMENT_SIZE


@dataclass(slots=True, kw_only=True)
class StagedBody:
    """A complete body in staging, its header's place still free, ready to be committed.

    `spoiled`: an fsync of it failed, so it may never be tried again. `placing`: its link to a slot
    was begun, so only recovery can tell what it is.
    """

    dir_fd: int
    name: str
    fd: int
    header_len: int
    file_id: bytes
    dek: bytes
    size: int
    body_size: int
    plain_sha256: bytes
    body_sha256: bytes
    spoiled: bool = False
    placing: bool = False


class PartWriter:
    """Encrypts one part into a file. The descriptor is the caller's."""

    def __init__(self, fd: int, begin: int, stream: segments.StreamKey) -> None:
        self._fd = fd
        self._at = begin
        self._started = begin
        self._segments = segments.SegmentWriter(stream)

    @property
    def size(self) -> int:
        """Bytes of plaintext taken."""
        return self._segments.plain_size

    def write(self, data: fileops.Buffer) -> None:
        """Encrypt and append. Raises NoSpace, OSError."""
        self._append(self._segments.write(data))

    def finish(self) -> PartInfo:
        """Write the last segment; not durable yet."""
        self._append(self._segments.finish())
        written = self._segments
        return PartInfo(
            size=written.plain_size,
            ended=True,
            plain_sha256=written.plain_sha256.hex(),
            body_sha256=written.body_sha256.hex(),
        )

    def _append(self, pieces: list[bytes]) -> None:
        if not pieces:
            return
        for first in range(0, len(pieces), _VECTOR):
            self._at += fileops.write_pieces(self._fd, pieces[first : first + _VECTOR], self._at)
        if self._at - self._started >= _STRETCH:
            fileops.start_writeback(self._fd, self._started, self._at - self._started)
            self._started = self._at


def part_name(number: int) -> str:
    """The name of part 1, 2, … in the upload's directory."""
    return f"part.{number}"


def stream_of(info: UploadInfo, number: int) -> tuple[segments.StreamKey, int]:
    """The stream of a part, and the bytes left free before it."""
    if number == 1:
        return segments.body_stream(info.dek, info.file_id), info.header_len
    return segments.part_stream(info.upload_key, number, info.file_id), 0


def salvage_part(dir_fd: int, info: UploadInfo) -> PartInfo | None:
    """What can be kept of the part that no info speaks of, made durable; None if nothing.

    A part that gives nothing is removed: the next one begins at the same offset with a new salt.
    """
    number = len(info.parts) + 1
    name = part_name(number)
    if not fileops.is_there(dir_fd, name):
        return None
    stream, begin = stream_of(info, number)
    fd = fileops.open_for_writing(dir_fd, name)
    try:
        size = max(fileops.size_of(fd) - begin, 0)
        kept = segments.salvage(stream, _pread(fd, begin), size)
        if kept.plain_size == 0:
            fileops.unlink_if_there(dir_fd, name)
            return None
        fileops.give_room_back(fd)
        fileops.fsync_file(fd, "sync_salvaged")
        return PartInfo(kept.plain_size, kept.finished)
    finally:
        fileops.close(fd)


def has_all_parts(dir_fd: int, info: UploadInfo) -> bool:
    """Whether every acknowledged part is still there, as long as it must be."""
    for number, part in enumerate(info.parts, 1):
        fd = fileops.find_file(dir_fd, part_name(number))
        if fd is None:
            return False
        try:
            least = segments.body_size(part.size) if part.ended else part.size
            if fileops.size_of(fd) - stream_of(info, number)[1] < least:
                return False
        finally:
            fileops.close(fd)
    return True


def iter_plaintext(dir_fd: int, info: UploadInfo) -> Iterator[bytes]:
    """The upload's bytes, in order, each authenticated. Raises Corrupt, FileNotFoundError."""
    for number, part in enumerate(info.parts, 1):
        stream, begin = stream_of(info, number)
        fd = fileops.open_for_reading(dir_fd, part_name(number))
        try:
            reader = segments.SegmentReader(
                stream, _pread(fd, begin), part.size, torn=not part.ended
            )
            for start in range(0, part.size, _READ):
                yield from reader.pieces(start, _READ)
        finally:
            fileops.close(fd)


def iter_body(body: StagedBody) -> Iterator[bytes]:
    """The plaintext of a whole body, in order, each piece authenticated. Raises Corrupt."""
    stream = segments.body_stream(body.dek, body.file_id)
    reader = segments.SegmentReader(stream, _pread(body.fd, body.header_len), body.size)
    for start in range(0, max(body.size, 1), _READ):
        yield from reader.pieces(start, _READ)


def take_first_part(dir_fd: int, info: UploadInfo) -> StagedBody | None:
    """Part 1 as the file's body, if it is the only one, ended, and its digests are known."""
    if len(info.parts) != 1 or not info.parts[0].is_body:
        return None
    fd = fileops.open_for_writing(dir_fd, part_name(1))
    return body_of(dir_fd, part_name(1), fd, info, info.parts[0])


def join_parts(dir_fd: int, info: UploadInfo) -> StagedBody:
    """Stream the parts into a new body; memory does not grow with their size."""
    fileops.unlink_if_there(dir_fd, BODY)
    fd = create_in_room(dir_fd, BODY)
    try:
        writer = PartWriter(fd, info.header_len, segments.body_stream(info.dek, info.file_id))
        for piece in iter_plaintext(dir_fd, info):
            writer.write(piece)
        whole = writer.finish()
        fileops.give_room_back(fd)
    except BaseException:
        fileops.close(fd)
        fileops.unlink_if_there(dir_fd, BODY)
        raise
    return body_of(dir_fd, BODY, fd, info, whole)


def body_of(dir_fd: int, name: str, fd: int, info: UploadInfo, part: PartInfo) -> StagedBody:
    """A part that was just written whole, as the file's body."""
    assert part.plain_sha256 is not None
    assert part.body_sha256 is not None
    return StagedBody(
        dir_fd=dir_fd,
        name=name,
        fd=fd,
        header_len=info.header_len,
        file_id=info.file_id,
        dek=info.dek,
        size=part.size,
        body_size=segments.body_size(part.size),
        plain_sha256=bytes.fromhex(part.plain_sha256),
        body_sha256=bytes.fromhex(part.body_sha256),
    )


def _pread(fd: int, begin: int) -> segments.Pread:
    return lambda offset, length: fileops.read_some(fd, length, begin + offset)
