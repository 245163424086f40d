"""System calls that Python has no names for: reads that never wait, and locks of open files.

Used through `fileops`, which is the one module that touches the disk.
"""

import ctypes
import errno
import fcntl
import os
import re
import struct


class WouldBlock(Exception):
    """The answer is not in the kernel's caches; asking the disk would stall the event loop."""


# openat2(2) with RESOLVE_CACHED (Linux 5.12) answers from the directory cache or says EAGAIN. PyDLL
# keeps the GIL: the call never sleeps, and giving the lock away and taking it again would cost more
# than the call itself.
_SYS_OPENAT2 = 437
_libc = ctypes.PyDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]
_syscall.restype = ctypes.c_long
_sync_file_range = ctypes.CDLL(None).sync_file_range
_sync_file_range.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
_syncfs = ctypes.CDLL(None, use_errno=True).syncfs
_syncfs.argtypes = [ctypes.c_int]
_fallocate = ctypes.CDLL(None, use_errno=True).fallocate
_fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
_release = re.match(r"(\d+)\.(\d+)", os.uname().release)
SYNCFS_TELLS = _release is not None and (int(_release[1]), int(_release[2])) >= (5, 8)
"""Whether syncfs reports failed write-backs; before Linux 5.8 it said success."""

_KEEP_SIZE = 0x01
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_RESOLVE_NO_SYMLINKS, _RESOLVE_CACHED = 0x04, 0x20
_RESOLVE = _RESOLVE_CACHED | _RESOLVE_NO_SYMLINKS
_HOW_PROBE = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW, 0, _RESOLVE)
_HOW_READ_NO_ATIME = struct.pack("=QQQ", _READ | os.O_NOATIME, 0, _RESOLVE)
_HOW_READ = struct.pack("=QQQ", _READ, 0, _RESOLVE)
_WAITS = frozenset({errno.EAGAIN, errno.EINVAL, errno.ENOSYS, errno.EPERM})


def find_file_cached(dir_fd: int, path: bytes, *, probe: bool = False) -> int | None:
    """As `fileops.find_file`, but from the directory cache alone: raises WouldBlock otherwise.

    `probe` asks only whether the name exists: the descriptor is good for closing. Reading leaves no
    access time where the file is ours, because noting one may wait for the file system's journal.
    """
    how = _HOW_PROBE if probe else _HOW_READ_NO_ATIME
    fd = _syscall(_SYS_OPENAT2, dir_fd, path, how, 24)
    if fd >= 0:
        return int(fd)
    code = ctypes.get_errno()
    if code == errno.EPERM and not probe:  # the files belong to another user
        fd = _syscall(_SYS_OPENAT2, dir_fd, path, _HOW_READ, 24)
        if fd >= 0:
            return int(fd)
        code = ctypes.get_errno()
    if code == errno.ENOENT:
        return None
    if code in _WAITS:
        raise WouldBlock
    raise OSError(code, os.strerror(code), path.decode())


def read_at_cached(fd: int, buffer: bytearray | memoryview, offset: int) -> int:
    """One preadv2 with RWF_NOWAIT: what the page cache holds from `offset`; 0 at the file's end.

    A short count is no proof of the end. Raises WouldBlock if the first page is not in memory.
    """
    try:
        return os.preadv(fd, [buffer], offset, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EOPNOTSUPP}:
            raise WouldBlock from None
        raise


def start_writeback(fd: int, offset: int, length: int) -> None:
    """Ask the kernel to begin writing a stretch, without waiting and without promising anything."""
    _sync_file_range(fd, offset, length, 2)  # SYNC_FILE_RANGE_WRITE; an error shows in the fsync


def read_ahead(fd: int, offset: int, length: int) -> None:
    """Ask the kernel to fetch a stretch into the page cache, without waiting for it."""
    os.posix_fadvise(fd, offset, length, os.POSIX_FADV_WILLNEED)


def sync_file_system(fd: int) -> None:
    """syncfs(2): wait until all that was written to the file system of `fd` has reached the disk.

    Since Linux 5.8 it reports, once to each open file, that a write-back failed after that file was
    opened. So `fd` is one opened before the first of the writes, and nobody else's.
    """
    if _syncfs(fd):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def hold_room(fd: int, length: int) -> bool:
    """fallocate(2) with FALLOC_FL_KEEP_SIZE: room for `length` bytes belongs to the file, whose
    size stays. False where the file system knows no such thing. Raises OSError (ENOSPC).
    """
    if not _fallocate(fd, _KEEP_SIZE, 0, length):
        return True
    code = ctypes.get_errno()
    if code in {errno.EOPNOTSUPP, errno.ENOSYS}:
        return False
    raise OSError(code, os.strerror(code))


# -- locks -----------------------------------------------------------------------------------------
# OFD locks (Linux 3.15) belong to the open file description: they hold between threads as between
# processes, and the kernel drops them when the process dies. Ranges are bytes of a file that need
# not have any.


def _flock(kind: int, start: int, length: int) -> bytes:
    return struct.pack("hhqqi0q", kind, os.SEEK_SET, start, length, 0)


def open_lock(dir_fd: int, name: str) -> int:
    """A new description of a lock file, made at first use."""
    return os.open(
        name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=dir_fd
    )


def lock_file(fd: int, start: int = 0, length: int = 1) -> None:
    """Wait, without limit, until the range is ours alone; closing `fd` lets it go."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, _flock(fcntl.F_WRLCK, start, length))


def try_lock(fd: int, start: int = 0, length: int = 1, *, shared: bool = False) -> bool:
    """Take the range if nobody has it. `shared` keeps out owners only; reading is enough for it."""
    kind = fcntl.F_RDLCK if shared else fcntl.F_WRLCK
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(kind, start, length))
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def unlock(fd: int, start: int = 0, length: int = 1) -> None:
    """Let a range go."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_UNLCK, start, length))


def is_locked(fd: int, start: int = 0, length: int = 1) -> bool:
    """Whether another description holds the range."""
    answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, start, length))
    kind: int = struct.unpack_from("h", answer)[0]
    return kind != fcntl.F_UNLCK
