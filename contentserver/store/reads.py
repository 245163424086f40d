"""Looking at the disk: nothing here changes it. Used through `fileops`, with whose rules it
belongs.
"""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from contentserver.store.kernel import find_file_cached

OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@contextlib.contextmanager
def opened_dir(dir_fd: int, path: str) -> Iterator[int]:
    """A descriptor of a directory, closed at the end; FileNotFoundError if there is none."""
    fd = os.open(path, OPEN_DIRECTORY, dir_fd=dir_fd)
    try:
        yield fd
    finally:
        os.close(fd)


def find_dir(dir_fd: int, path: str) -> int | None:
    """A descriptor of a directory, or None if there is none."""
    try:
        return os.open(path, OPEN_DIRECTORY, dir_fd=dir_fd)
    except FileNotFoundError:
        return None


def is_there(dir_fd: int, path: str) -> bool:
    """Whether a name exists, whatever it is."""
    try:
        os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def is_there_cached(dir_fd: int, path: bytes) -> bool:
    """As `is_there`, from the directory cache alone; WouldBlock instead of asking the disk."""
    fd = find_file_cached(dir_fd, path, probe=True)
    if fd is None:
        return False
    os.close(fd)
    return True


class FileFacts(NamedTuple):
    """What the file system says of an open file. `names`: hard links; `modified`: s since the
    epoch.
    """

    size: int
    names: int
    device: int
    inode: int
    modified: float


def facts_of(fd: int) -> FileFacts:
    """Facts of an open file or directory."""
    found = os.fstat(fd)
    return FileFacts(found.st_size, found.st_nlink, found.st_dev, found.st_ino, found.st_mtime)


def size_of(fd: int) -> int:
    """Bytes of an open file."""
    return os.fstat(fd).st_size


def bytes_held(dir_fd: int, path: str) -> int:
    """Bytes of the file system that belong to a file, reserved ones too; 0 if it is not there."""
    try:
        return os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_blocks * 512
    except FileNotFoundError:
        return 0


def open_root(path: str | os.PathLike[str]) -> int:
    """A descriptor of a directory anywhere; FileNotFoundError, NotADirectoryError if it is none."""
    return os.open(path, OPEN_DIRECTORY)


def list_dir(dir_fd: int, path: str = ".") -> list[str]:
    """Names in a directory, sorted; none if it is not there."""
    try:
        with opened_dir(dir_fd, path) as fd:
            return sorted(os.listdir(fd))
    except FileNotFoundError:
        return []


_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


def find_file(dir_fd: int, path: str) -> int | None:
    """A descriptor for reading, or None if there is no such file."""
    try:
        return os.open(path, _READ, dir_fd=dir_fd)
    except FileNotFoundError:
        return None


def read_at(fd: int, buffer: bytearray | memoryview, offset: int) -> int:
    """Fill `buffer` from `offset`; fewer bytes than it holds mean the file ended there."""
    view = memoryview(buffer)
    done = 0
    while done < len(view):
        count = os.preadv(fd, [view[done:]], offset + done)
        if not count:
            break
        done += count
    return done


def read_some(fd: int, length: int, offset: int) -> memoryview:
    """`length` bytes from `offset`; fewer only at the end of the file."""
    buffer = memoryview(bytearray(length))
    return buffer[: read_at(fd, buffer, offset)]


def open_for_reading(dir_fd: int, path: str) -> int:
    """A descriptor for reading. Raises FileNotFoundError."""
    return os.open(path, _READ, dir_fd=dir_fd)


def read_file(dir_fd: int, path: str, limit: int = 1 << 20) -> bytes | None:
    """The whole of a small file, or None if there is none."""
    fd = find_file(dir_fd, path)
    if fd is None:
        return None
    try:
        size = os.fstat(fd).st_size
        if size > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return os.pread(fd, size, 0)
    finally:
        os.close(fd)


def read_secret(path: str | os.PathLike[str]) -> str:
    """The text of a secrets file without the line end. Raises FileNotFoundError."""
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def space(dir_fd: int) -> tuple[int, int, int, int]:
    """Bytes in all, bytes free to us, inodes in all, inodes free, of the file system under a
    descriptor.
    """
    facts = os.fstatvfs(dir_fd)
    return (
        facts.f_blocks * facts.f_frsize,
        facts.f_bavail * facts.f_frsize,
        facts.f_files,
        facts.f_favail,
    )


def read_json(dir_fd: int, path: str) -> Any:
    """A small JSON document, or None if there is none. Raises ValueError if it is not JSON."""
    raw = read_file(dir_fd, path)
    return None if raw is None else json.loads(raw)
