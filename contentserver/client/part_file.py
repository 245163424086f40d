"""A file that is being fetched, beside the place where it will stand; kept when the way breaks.

`.<target>-<version>.part` holds its bytes, `.<target>.etag` names the version that is gone on with.
Two processes that fetch the same file to the same place do not write into one part.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final

PIECE: Final = 1 << 20
# A link that somebody else put there is not followed.
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _note_of(target: Path) -> Path:
    return target.with_name(f".{_short(target.name)}.etag")


class PartFile:
    """The part of one version; `size` bytes are there, and belong to this process alone. The name
    is made of the target's and the version's, so that no part of another version is gone on with.
    """

    def __init__(self, target: Path, etag: str | None) -> None:
        self._target = target
        self._note = _note_of(target)
        self.path = self._named(etag or os.urandom(8).hex())
        file = _open_alone(self.path)
        self._keep = etag is not None and file is not None
        if file is None:
            self.path = self._named(os.urandom(8).hex())
            file = _open_alone(self.path)
        assert file is not None
        self._file = file
        self.size = self._file.seek(0, os.SEEK_END)
        self._waiting: list[bytes] = []
        self._held = 0
        if self._keep and etag is not None:
            self._tell(etag)

    @staticmethod
    def any_of(target: Path) -> bool:
        """Whether a part of some version lies beside `target`."""
        return os.path.lexists(_note_of(target))

    def known(self) -> "hashlib._Hash":
        """SHA-256 of what is there."""
        known = hashlib.sha256()
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            known.update(piece)
        return known

    def add(self, piece: bytes) -> bool:
        """Take a piece; True says that `write` has something to do."""
        self._waiting.append(piece)
        self._held += len(piece)
        return self._held >= PIECE

    def write(self) -> None:
        """Append what waits."""
        for piece in self._waiting:
            self._file.write(piece)
        self.size += self._held
        self._waiting, self._held = [], 0

    def empty(self) -> None:
        """Begin anew."""
        self._file.seek(0)
        self._file.truncate(0)
        self._waiting, self._held, self.size = [], 0, 0

    def finish(self) -> None:
        """Put it in its place, both durable."""
        self.write()
        self._file.flush()
        os.fsync(self._file.fileno())
        self.path.replace(self._target)
        self._file.close()
        if self._keep:
            self._note.unlink(missing_ok=True)
        _sync_folder(self._target.parent)

    def close(self) -> None:
        """After a failure: what has come is kept, if it can be gone on with."""
        if self._file.closed:
            return
        try:
            self.write()
        finally:
            if not self._keep or self.size == 0:
                self.path.unlink(missing_ok=True)
            if self._keep and self.size == 0:
                self._note.unlink(missing_ok=True)
            self._file.close()

    def _named(self, version: str) -> Path:
        return self._target.with_name(f".{_short(self._target.name)}-{_short(version)}.part")

    def _tell(self, etag: str) -> None:
        """Name the version; the part of another one is of no use any more."""
        with open(os.open(self._note, _FLAGS, 0o666), "r+b") as note:
            older = note.read(200).decode("utf-8", "replace")
            if older and older != etag:
                self._named(older).unlink(missing_ok=True)
            note.seek(0)
            note.truncate(0)
            note.write(etag.encode())


def _open_alone(path: Path) -> BinaryIO | None:
    """The file, held by this process alone; None while another one holds it."""
    while True:
        file = open(os.open(path, _FLAGS, 0o666), "r+b")  # noqa: SIM115 - PartFile closes it
        if not _hold(file):
            file.close()
            return None
        # Who held it may have put it in its place meanwhile: then this is the finished file.
        if _is_named(path, file):
            return file
        file.close()


def _hold(file: BinaryIO) -> bool:
    """Whether nobody else had it. On Windows, which has no fcntl, an open file is not replaced."""
    try:
        import fcntl  # noqa: PLC0415 - is not there on Windows

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return True
    except OSError:
        return False
    return True


def _is_named(path: Path, file: BinaryIO) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """The new name is durable; where folders cannot be opened (Windows) the system sees to it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
