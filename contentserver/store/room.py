"""Room for the bytes that an upload has announced, held for it by the file system.

`room` in the upload's directory is an empty file to which the space of all that is still to come
belongs. The next part begins as that file, renamed; what it leaves is given back when it ends, and
taken anew. So no two uploads are promised the same room, whichever process they belong to, and what
is removed has given back what it held. Nothing of it is flushed: after a power cut it is taken
again by whoever takes up the upload next.
"""

from contextlib import suppress

from contentserver.store import fileops, segments
from contentserver.store.errors import NoSpace
from contentserver.store.staging import UploadInfo

ROOM = "room"
_BESIDE = 64 << 10
"""Bytes for what is written besides a part: given back when it ends, just before its info."""


def take_room(dir_fd: int, info: UploadInfo) -> None:
    """Hold what the upload still needs; nothing while its length is not known.

    Raises NoSpace, and then holds nothing.
    """
    _hold(dir_fd, _to_come(info) + _to_join(info))


def take_room_again(dir_fd: int, info: UploadInfo) -> None:
    """As `take_room`, for an upload that was let in: of a disk that has filled up since, as much as
    it gives. The bytes to come go before what a commit needs to join them.
    """
    for wanted in (_to_come(info) + _to_join(info), _to_come(info)):
        with suppress(NoSpace):
            _hold(dir_fd, wanted)
            return


def keep_room(dir_fd: int, info: UploadInfo) -> None:
    """As `take_room_again`, unless it is held."""
    if not fileops.is_there(dir_fd, ROOM):
        take_room_again(dir_fd, info)


def create_in_room(dir_fd: int, name: str) -> int:
    """A descriptor of a new, empty file that has what the upload held. Raises FileExistsError."""
    if not fileops.is_there(dir_fd, ROOM):
        return fileops.create_exclusive(dir_fd, name)
    if fileops.is_there(dir_fd, name):
        raise FileExistsError(name)
    fileops.rename(dir_fd, ROOM, name)
    return fileops.open_for_writing(dir_fd, name)


def _hold(dir_fd: int, wanted: int) -> None:
    fileops.unlink_if_there(dir_fd, ROOM)
    if not wanted:
        return
    fd = fileops.create_exclusive(dir_fd, ROOM)
    try:
        fileops.reserve(fd, wanted)
    except BaseException:
        fileops.unlink_if_there(dir_fd, ROOM)
        raise
    finally:
        fileops.close(fd)


def _to_come(info: UploadInfo) -> int:
    """Bytes on disk of the rest, as one part; the header's place lies before the first."""
    if info.length is None or info.is_complete:
        return 0
    header = 0 if info.parts else info.header_len
    return header + segments.body_size(info.length - info.offset) + _BESIDE


def _to_join(info: UploadInfo) -> int:
    """Bytes of the body that a commit makes of several parts; the only part is that body itself."""
    if info.length is None or not info.parts or info.is_whole:
        return 0
    return info.header_len + segments.body_size(info.length)
