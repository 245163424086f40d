"""Every touch of the disk by the store, in this one module.

What is written is durable when a function says so, and not before. Each durable step calls `_step`
with its name before it begins and with `name!` when it is done, so that a test can kill or fail the
process between any two. Disk full is `NoSpace`; other errors stay OSError. A descriptor whose fsync
failed is never fsynced again by a caller: Linux marks the pages clean and would then report
success.
"""

import contextlib
import errno
import hashlib
import itertools
import os
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence

from contentserver.store.errors import NoSpace, SlotTaken
from contentserver.store.kernel import (
    SYNCFS_TELLS,
    WouldBlock,
    find_file_cached,
    hold_room,
    is_locked,
    lock_file,
    open_lock,
    read_ahead,
    read_at_cached,
    start_writeback,
    sync_file_system,
    try_lock,
    unlock,
)
from contentserver.store.reads import (
    OPEN_DIRECTORY,
    FileFacts,
    bytes_held,
    facts_of,
    find_dir,
    find_file,
    is_there,
    is_there_cached,
    list_dir,
    open_for_reading,
    open_root,
    opened_dir,
    read_at,
    read_file,
    read_json,
    read_secret,
    read_some,
    size_of,
    space,
)

__all__ = [  # with what this module defines, all that the store knows of the disk
    "SYNCFS_TELLS",
    "FileFacts",
    "WouldBlock",
    "bytes_held",
    "facts_of",
    "find_dir",
    "find_file",
    "find_file_cached",
    "is_locked",
    "is_there",
    "is_there_cached",
    "list_dir",
    "lock_file",
    "open_for_reading",
    "open_lock",
    "open_root",
    "opened_dir",
    "read_ahead",
    "read_at",
    "read_at_cached",
    "read_file",
    "read_json",
    "read_secret",
    "read_some",
    "size_of",
    "space",
    "start_writeback",
    "try_lock",
    "unlock",
]

Buffer = bytes | bytearray | memoryview

step_hook: Callable[[str], None] | None = None
"""Called at every durable step; tests kill the process or raise OSError from it."""

_DURABLE_DIRECTORY = 0o750
"""Mode of a directory whose name in its parent is on stable storage; it is created as 0700."""

_full = frozenset({errno.ENOSPC, errno.EDQUOT})
_flushes = itertools.count()

close = os.close
"""close(2)."""


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


def create_exclusive(dir_fd: int, name: str, mode: int = 0o600) -> int:
    """A descriptor of a new, empty file, for reading and writing; FileExistsError if the name is
    taken.
    """
    with _durable("create"):
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode, dir_fd=dir_fd)


def write_all(fd: int, data: Buffer, offset: int) -> None:
    """All of `data` at `offset`, in as many writes as it takes; durable after `fsync_file`."""
    with _durable("write"):
        view = memoryview(data)
        while view:
            written = os.pwrite(fd, view, offset)
            view, offset = view[written:], offset + written


def write_pieces(fd: int, pieces: Sequence[Buffer], offset: int) -> int:
    """As `write_all`, of pieces that need not be joined; how many bytes."""
    with _durable("write"):
        whole = sum(map(len, pieces))
        written = os.pwritev(fd, pieces, offset)
    if written < whole:  # a full disk, or a signal: the rest says which
        rest = memoryview(b"".join(pieces))[written:]
        write_all(fd, rest, offset + written)
    return whole


def copy_file(from_fd: int, to_fd: int) -> None:
    """All bytes of one file into an empty other one. Not durable before `fsync_file`."""
    at = 0
    while chunk := os.pread(from_fd, 1 << 20, at):
        write_all(to_fd, chunk, at)
        at += len(chunk)


def sha256_of(fd: int, offset: int) -> bytes:
    """SHA-256 of a file from `offset` to its end."""
    digest = hashlib.sha256()
    while chunk := os.pread(fd, 1 << 20, offset):
        digest.update(chunk)
        offset += len(chunk)
    return digest.digest()


def make_read_only(fd: int) -> None:
    """Mode 0444: no stored version can be opened for writing by mistake."""
    os.fchmod(fd, 0o444)


def open_for_writing(dir_fd: int, name: str) -> int:
    """A descriptor of a staged file, to write it or end it.

    Raises OSError (EPERM) if it has another name already: what lies in a slot is never written.
    """
    if os.stat(name, dir_fd=dir_fd, follow_symlinks=False).st_nlink != 1:
        raise OSError(errno.EPERM, "the file lies in a slot; it is never written again", name)
    os.chmod(name, 0o600, dir_fd=dir_fd)  # a commit that did not get as far as its link left 0444
    return os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)


def fsync_file(fd: int, step: str = "sync_file") -> None:
    """Bytes, size and mode of the file are on stable storage. After an error, give the file up."""
    with _durable(step):
        next(_flushes)
        os.fsync(fd)
        # XFS that shut itself down after an error of its log reports success for a directory whose
        # changes it threw away (measured on Linux 6.18); fstat then says EIO.
        os.fstat(fd)


def sync_dir(dir_fd: int, step: str = "sync_dir") -> None:
    """The names in the directory are on stable storage."""
    fsync_file(dir_fd, step)


def sync_together(fd: int, step: str) -> None:
    """All that was written to the file system of `fd`, a regular file, is on stable storage: bytes,
    modes, names, directories.

    Costs what two flushes cost, however many files there are. `fd` was opened before the first of
    the writes (see `kernel.sync_file_system`). After an error give all of them up.
    """
    with _durable(step):
        next(_flushes)
        sync_file_system(fd)
    # syncfs alone reports success on a file system that went read-only after an error (ext4), and
    # where nothing was left to log it does not tell the disk to empty its cache (XFS). An fsync of
    # any file there does both.
    fsync_file(fd, step + "_end")


def reserve(fd: int, length: int) -> None:
    """Room for `length` bytes belongs to the file from now on, until it is cut or removed; its size
    stays. A hundredth of the file system stays free for all that is not an upload.

    Raises NoSpace, having taken nothing. Where the file system reserves nothing, this only looks.
    """
    with _durable("reserve"):
        total, free, *_ = space(fd)
        # The kernel would take all there is before it says that this was not enough.
        if free - total // 100 < length:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        hold_room(fd, length)


def give_room_back(fd: int) -> None:
    """What was reserved behind the end of a file is free again."""
    os.ftruncate(fd, os.fstat(fd).st_size)


def rename(dir_fd: int, name: str, new_name: str) -> None:
    """Give a staged file another name; whoever has that name loses it. Not durable."""
    with _durable("rename"):
        os.rename(name, new_name, src_dir_fd=dir_fd, dst_dir_fd=dir_fd)


def make_dir(dir_fd: int, name: str) -> int:
    """A descriptor of a new directory, its name not yet durable; FileExistsError if it is taken."""
    with _durable("make_dir"):
        os.mkdir(name, _DURABLE_DIRECTORY, dir_fd=dir_fd)
    return os.open(name, OPEN_DIRECTORY, dir_fd=dir_fd)


def make_dirs_durably(dir_fd: int, path: str) -> int:
    """A descriptor of the directory `path`, which exists durably with all its parents.

    A new directory gets its final mode only after its parent was fsynced, so whoever meets one of
    another mode, made by a process that is still at it or died, fsyncs the parent himself. In the
    common case this costs one stat.
    """
    with contextlib.suppress(FileNotFoundError):
        fd = os.open(path, OPEN_DIRECTORY, dir_fd=dir_fd)
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
    fd = os.open(name, OPEN_DIRECTORY, dir_fd=parent_fd)
    os.fchmod(fd, _DURABLE_DIRECTORY)
    return fd


def make_dirs(dir_fd: int, path: str) -> tuple[int, bool]:
    """A descriptor of the directory `path`, made with its parents, and whether it exists durably.

    Where it does not, it does after `sync_together` and is then told so by `settle_dirs`.
    """
    with contextlib.suppress(FileNotFoundError):
        fd = os.open(path, OPEN_DIRECTORY, dir_fd=dir_fd)
        return fd, stat.S_IMODE(os.fstat(fd).st_mode) == _DURABLE_DIRECTORY
    for parent in _prefixes(path):
        with _durable("make_dir"), contextlib.suppress(FileExistsError):
            os.mkdir(parent, 0o700, dir_fd=dir_fd)
    return os.open(path, OPEN_DIRECTORY, dir_fd=dir_fd), False


def settle_dirs(dir_fd: int, path: str) -> None:
    """Give a directory and its parents, whose names are durable by now, the mode that says so."""
    for parent in _prefixes(path):
        os.chmod(parent, _DURABLE_DIRECTORY, dir_fd=dir_fd)


def _prefixes(path: str) -> Iterator[str]:
    """`2025`, `2025/ab`, `2025/ab/cd`."""
    return itertools.accumulate(path.split("/"), "{}/{}".format)


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


def remove_empty_dir(dir_fd: int, name: str) -> bool:
    """Remove a directory if nothing is in it; whether it is gone."""
    try:
        os.rmdir(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
            return False
        raise
    return True


def remove_tree(dir_fd: int, name: str) -> None:
    """Remove a directory of files, and what is in it; gone already is fine."""
    with contextlib.suppress(FileNotFoundError):
        with opened_dir(dir_fd, name) as fd:
            for entry in os.listdir(fd):
                unlink_if_there(fd, entry)
        os.rmdir(name, dir_fd=dir_fd)
