"""A file that is being fetched, beside the place where it will stand; kept when the way breaks."""

import hashlib
import os
from pathlib import Path
from typing import Final

PIECE: Final = 1 << 20


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


class PartFile:
    """The part of one version; `size` bytes are there. The name is made of the target's and the
    version's, so that no part of another version is ever gone on with.
    """

    def __init__(self, target: Path, etag: str | None) -> None:
        self._target = target
        self._begins = f".{_short(target.name)}-"
        version = _short(etag) if etag else os.urandom(8).hex()
        self._keep = etag is not None
        self.path = target.with_name(f"{self._begins}{version}.part")
        # A link put there by somebody else is not followed.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        self._file = open(os.open(self.path, flags, 0o666), "ab")  # noqa: SIM115 - see `close`
        self.size = self._file.tell()
        self._waiting: list[bytes] = []
        self._held = 0

    @staticmethod
    def any_of(target: Path) -> bool:
        """Whether a part of some version lies beside `target`."""
        return any(target.parent.glob(f".{_short(target.name)}-*.part"))

    def known(self) -> "hashlib._Hash":
        """SHA-256 of what is there."""
        known = hashlib.sha256()
        with self.path.open("rb") as file:
            while piece := file.read(PIECE):
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
        self._file.truncate(0)
        self._waiting, self._held, self.size = [], 0, 0

    def finish(self) -> None:
        """Put it in its place, durable, and take parts of other versions away."""
        self.write()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.replace(self._target)
        for other in self._target.parent.glob(f"{self._begins}*.part"):
            other.unlink(missing_ok=True)
        _sync_folder(self._target.parent)

    def close(self) -> None:
        """After a failure: what has come is kept, if it can be gone on with."""
        if self._file.closed:
            return
        try:
            self.write()
        finally:
            self._file.close()
            if not self._keep or self.size == 0:
                self.path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """The new name is durable; where folders cannot be opened (Windows) the system sees to it."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
