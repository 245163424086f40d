"""What Sköld asks of a disk. One class, so that a test can put a failing or hanging disk in its
place.
"""

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path

FILE_MODE = 0o640
FOLDER_MODE = 0o750
_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_SYNC_FILE_RANGE_WRITE = 2
_libc = ctypes.CDLL(None, use_errno=True)
_fallocate = _libc.fallocate64
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
_sync_file_range = _libc.sync_file_range
_sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]


class Disk:
    """Plain system calls. Every method raises OSError and leaves no half-open descriptor behind."""

    def make_folder(self, path: Path) -> None:
        """Make a folder and its parents, each durable in its parent. Fine if it is there."""
        if path.is_dir():
            return
        self.make_folder(path.parent)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=FOLDER_MODE)
        self.sync_folder(path.parent)

    def sync_folder(self, path: Path) -> None:
        with opened(path, os.O_RDONLY | os.O_DIRECTORY) as fd:
            flush(fd)

    def create_preallocated(self, path: Path, size: int) -> int:
        """A new file of `size` bytes of zeros, it and its name durable. Returns a descriptor to
        write with.

        Allocated now, so that later appends change no metadata and cannot run out of space.
        """
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
        try:
            os.posix_fallocate(fd, 0, size)
            flush(fd)
            self.sync_folder(path.parent)
        except BaseException:
            os.close(fd)
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        return fd

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """All of `data` at `offset`; not yet durable."""
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
            view, offset = view[written:], offset + written

    def start_writing(self, fd: int) -> None:
        """Let the kernel begin to write what is written to the file so far. Promises nothing:
        `flush` waits for it, and says what went wrong. Of many files the first flush then commits
        what the others allocated, too: one commit of the file system instead of one for each.
        """
        _sync_file_range(fd, 0, 0, _SYNC_FILE_RANGE_WRITE)

    def sync(self, fd: int) -> None:
        """fdatasync. After an error the descriptor must never be synced again: Linux marks the lost
        pages clean, so a second call would report success.
        """
        os.fdatasync(fd)
        os.fstat(fd)  # as in flush

    def give_back(self, fd: int, offset: int, length: int) -> None:
        """Free the room of these bytes, which read as zeros from now on; the file keeps its length.
        Does nothing on a file system that cannot.
        """
        if _fallocate(fd, _KEEP_SIZE | _PUNCH_HOLE, offset, length) == 0:
            return
        code = ctypes.get_errno()
        if code not in {errno.EOPNOTSUPP, errno.ENOSYS}:
            raise OSError(code, os.strerror(code))

    def close(self, fd: int) -> None:
        os.close(fd)

    def unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)


def flush(fd: int) -> None:
    """fsync of a file or folder. Raises OSError also where only fstat tells the truth: XFS that
    shut itself down reports success for a folder whose changes it threw away (seen on Linux 6.18).
    """
    os.fsync(fd)
    os.fstat(fd)


def replace_durably(path: Path, raw: bytes) -> None:
    """The file holds `raw` on stable storage when this returns; readers see the old or the new one
    whole.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE) as fd:
            Disk().write(fd, raw, 0)
            flush(fd)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    Disk().sync_folder(path.parent)


@contextlib.contextmanager
def opened(path: Path, flags: int, mode: int = 0) -> Iterator[int]:
    """A descriptor that is closed at the end, whatever happens."""
    fd = os.open(path, flags | os.O_CLOEXEC, mode)
    try:
        yield fd
    finally:
        os.close(fd)
