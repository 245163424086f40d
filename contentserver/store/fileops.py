"""Every touch of the disk by the store, in this one module.

What is written is durable when a function says so, and not before. Each durable step calls `_step`
with its name before it begins and with `name!` when it is done, so that a test can kill or fail the
process between any two. Disk full is `NoSpace`; other errors stay OSError. A descriptor whose fsync
failed is never fsynced again by a caller: Linux marks the pages clean and would then report
success.
"""

import contextlib
import ctypes
import errno
import fcntl
import functools
import itertools
import json
import os
import secrets
import stat
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

from contentserver.store.errors import NoSpace, SlotTaken

Buffer = bytes | bytearray | memoryview

step_hook: Callable[[str], None] | None = None
"""Called at every durable step; tests kill the process or raise OSError from it."""

_DURABLE_DIRECTORY = 0o750
"""Mode of a directory whose name in its parent is known to be on stable storage; it is created as
0700.
"""

_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_full = frozenset({errno.ENOSPC, errno.EDQUOT})
_flushes = itertools.count()


class WouldBlock(Exception):  # noqa: N818 - it is no error: the caller goes on in a thread
    """The answer is not in the page or directory cache; asking the disk would stall the event loop."""


def flushes() -> int:
    """Flushes (fsync of a file or a directory) this process has asked of its disks so far."""
    return int(_flushes.__reduce__()[1][0])


def _step(name: str) -> None:
    if step_hook is not None:
        step_hook(name)


@contextlib.contextmanager
def _durable(name: str) -> Iterator[None]:
    """One durable step: hooks around it, and a full disk named as such."""
    try:
        _step(name)
        yield
        _step(name + "!")
    except OSError as error:
        if error.errno in _full:
            raise NoSpace(f"no room left on the storage root ({name}); free space there") from error
        raise


# -- writing ---------------------------------------------------------------------------------------


def create_exclusive(dir_fd: int, name: str, mode: int = 0o600) -> int:
    """A descriptor of a new, empty file, for reading and writing; FileExistsError if the name is
    taken.
    """
    with _durable("create"):
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode, dir_fd=dir_fd)


def write_all(fd: int, data: Buffer, offset: int) -> None:
    """All of `data` at `offset`, however many writes that takes. Not durable before `fsync_file`."""
    with _durable("write"):
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
            view, offset = view[written:], offset + written


def make_read_only(fd: int) -> None:
    """Mode 0444: no stored version can be opened for writing by mistake."""
    os.fchmod(fd, 0o444)


def fsync_file(fd: int, step: str = "sync_file") -> None:
    """Bytes, size and mode of the file are on stable storage. After an error, give the file up."""
    with _durable(step):
        next(_flushes)
        os.fsync(fd)


def sync_dir(dir_fd: int, step: str = "sync_dir") -> None:
    """The names in the directory are on stable storage."""
    fsync_file(dir_fd, step)


def make_dirs_durably(dir_fd: int, path: str) -> int:
    """A descriptor of the directory `path`, which exists durably with all its parents.

    A new directory gets its final mode only after its parent was fsynced, so whoever meets one of
    another mode, made by a process that is still at it or died, fsyncs the parent himself. In the
    common case this costs one stat.
    """
    with contextlib.suppress(FileNotFoundError):
        fd = os.open(path, _OPEN_DIRECTORY, dir_fd=dir_fd)
        if stat.S_IMODE(os.fstat(fd).st_mode) == _DURABLE_DIRECTORY:
            return fd
        os.close(fd)
    parent, _, name = path.rpartition("/")
    parent_fd = make_dirs_durably(dir_fd, parent) if parent else os.dup(dir_fd)
    try:
        return _make_dir_durably(parent_fd, name)
    finally:
        os.close(parent_fd)


def _make_dir_durably(parent_fd: int, name: str) -> int:
    with _durable("make_dir"), contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=parent_fd)
    sync_dir(parent_fd, step="sync_parent")
    fd = os.open(name, _OPEN_DIRECTORY, dir_fd=parent_fd)
    os.fchmod(fd, _DURABLE_DIRECTORY)
    return fd


def link_into_place(
    from_fd: int, name: str, to_fd: int, new_name: str, step: str = "link_slot"
) -> None:
    """A second name for a file; it never replaces one. Not durable before `sync_dir`.

    Raises SlotTaken if the name belongs to another file. After any error the inodes decide: equal
    means linked.
    """
    try:
        with _durable(step):
            os.link(name, new_name, src_dir_fd=from_fd, dst_dir_fd=to_fd, follow_symlinks=False)
    except (OSError, NoSpace) as error:
        if same_file(from_fd, name, to_fd, new_name):
            return
        if isinstance(error, FileExistsError):
            raise SlotTaken(f"the name {new_name} is taken") from None
        raise


def same_file(one_fd: int, one: str, other_fd: int, other: str) -> bool:
    """Whether both names exist and lead to one inode."""
    try:
        first = os.stat(one, dir_fd=one_fd, follow_symlinks=False)
        second = os.stat(other, dir_fd=other_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (first.st_ino, first.st_dev) == (second.st_ino, second.st_dev)


def replace_durably(
    dir_fd: int, name: str, data: Buffer, mode: int = 0o600, step: str = "replace"
) -> None:
    """`name` holds exactly `data`, durably; whatever breaks, it holds the old bytes or the new
    ones.
    """
    temporary = f".{name}.{secrets.token_hex(8)}"
    fd = create_exclusive(dir_fd, temporary, mode)
    try:
        try:
            write_all(fd, data, 0)
            fsync_file(fd, step + "_file")
        finally:
            os.close(fd)
        with _durable(step):
            os.rename(temporary, name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
    except BaseException:
        unlink_if_there(dir_fd, temporary)
        raise
    sync_dir(dir_fd, step=step + "_dir")


def unlink_if_there(dir_fd: int, name: str) -> bool:
    """Remove a name; False if it was gone. Not durable: a name that comes back after a power cut
    does no harm.
    """
    _step("unlink")
    try:
        os.unlink(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return False
    return True


def remove_tree(dir_fd: int, name: str) -> None:
    """Remove a directory of files, and what is in it; gone already is fine."""
    with contextlib.suppress(FileNotFoundError):
        with opened_dir(dir_fd, name) as fd:
            for entry in os.listdir(fd):
                unlink_if_there(fd, entry)
        os.rmdir(name, dir_fd=dir_fd)


# -- reading ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def opened_dir(dir_fd: int, path: str) -> Iterator[int]:
    """A descriptor of a directory, closed at the end; FileNotFoundError if there is none."""
    fd = os.open(path, _OPEN_DIRECTORY, dir_fd=dir_fd)
    try:
        yield fd
    finally:
        os.close(fd)


def find_dir(dir_fd: int, path: str) -> int | None:
    """A descriptor of a directory, or None if there is none."""
    try:
        return os.open(path, _OPEN_DIRECTORY, dir_fd=dir_fd)
    except FileNotFoundError:
        return None


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


# openat2(2) with RESOLVE_CACHED (Linux 5.12) answers from the directory cache or says EAGAIN. PyDLL
# keeps the GIL: the call never sleeps, and giving the lock away and taking it again would cost more
# than the call itself.
_SYS_OPENAT2 = 437
_libc = ctypes.PyDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]
_syscall.restype = ctypes.c_long
_RESOLVE_NO_SYMLINKS, _RESOLVE_CACHED = 0x04, 0x20
_HOW_READ = struct.pack("=QQQ", _READ, 0, _RESOLVE_CACHED | _RESOLVE_NO_SYMLINKS)
_HOW_PROBE = struct.pack("=QQQ", os.O_PATH | _READ, 0, _RESOLVE_CACHED | _RESOLVE_NO_SYMLINKS)


def find_file_cached(dir_fd: int, path: bytes, *, probe: bool = False) -> int | None:
    """As `find_file`, but from the directory cache alone: raises WouldBlock instead of waiting for
    the disk.

    `probe` asks only whether the name exists: the descriptor is good for closing.
    """
    fd = _syscall(_SYS_OPENAT2, dir_fd, path, _HOW_PROBE if probe else _HOW_READ, 24)
    if fd >= 0:
        return int(fd)
    code = ctypes.get_errno()
    if code == errno.ENOENT:
        return None
    if code in {errno.EAGAIN, errno.EINVAL, errno.ENOSYS, errno.EPERM}:
        raise WouldBlock
    raise OSError(code, os.strerror(code), path.decode())


def read_at_cached(fd: int, buffer: bytearray | memoryview, offset: int) -> int:
    """One preadv2 with RWF_NOWAIT: what the page cache holds from `offset`, 0 at the end of the
    file.

    A short count is no proof of the end. Raises WouldBlock if the first page is not in memory.
    """
    try:
        return os.preadv(fd, [buffer], offset, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EOPNOTSUPP}:
            raise WouldBlock from None
        raise


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


# -- locks -----------------------------------------------------------------------------------------
# OFD locks (Linux 3.15) belong to the open file description: they hold between threads as between
# processes, and the kernel drops them when the process dies. Ranges are bytes of a file that need
# not have any.


@functools.cache
def _flock(kind: int, start: int, length: int) -> bytes:
    return struct.pack("hhqqi0q", kind, os.SEEK_SET, start, length, 0)


def open_lock(dir_fd: int, name: str) -> int:
    """A new description of a lock file, made at first use."""
    return os.open(
        name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=dir_fd
    )


def lock_file(fd: int, start: int = 0, length: int = 1) -> None:
    """Wait, without limit, until the range is ours alone; closing `fd` lets it go."""
    fcntl.fcntl(fd, fcntl.F_OFD_SETLKW, struct.pack("hhqqi0q", fcntl.F_WRLCK, 0, start, length, 0))


def try_lock(fd: int, start: int = 0, length: int = 1) -> bool:
    """Take the range if nobody has it."""
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, start, length))
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


if sys.platform != "linux":  # pragma: no cover
    raise ImportError("the store needs Linux: OFD locks, openat2 and preadv2")
