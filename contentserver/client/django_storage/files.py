"""What `storage.open` gives: a File that reads by ranges, and one whose closing makes a version."""

import io
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol

from django.core.files.base import File

if TYPE_CHECKING:
    _File = File[Any]
else:
    _File = File  # not generic where django-stubs-ext does not make it so

PIECE: Final = 4 << 20  # bytes that are held before they are sent


class Opens(Protocol):
    """What files need of their storage."""

    def read_from(self, name: str) -> Any:
        """A seekable stream of the latest version. Raises FileNotFoundError."""

    def begin(self, name: str) -> Any:
        """An upload for the next version."""

    def store(self, name: str, content: bytes) -> None:
        """Make bytes the next version."""

    def finish(self, name: str, upload: Any) -> None:
        """Make an upload the next version."""

    def abandon(self, upload: Any) -> None:
        """Delete an upload of `begin` soon."""


class ReadFile(_File):
    """A file read by ranges of one version; `size` and `content_type` are that version's."""

    def __init__(self, storage: Opens, name: str, mode: str) -> None:
        self._storage = storage
        self.mode = mode
        super().__init__(self._stream(name), name)
        self.mode = mode

    def open(self, mode: str | None = None, *_: Any, **__: Any) -> "ReadFile":
        """From the beginning again; if it was closed, of what is the latest version now."""
        if mode not in {None, self.mode}:
            raise ValueError(f"it was opened with {self.mode!r}; open it anew for {mode!r}")
        if self.closed:
            self.file = self._stream(str(self.name))
        else:
            self.seek(0)
        return self

    def _stream(self, name: str) -> Any:
        stream = self._storage.read_from(name)
        self.size = stream.info.size
        self.content_type = stream.info.media_type
        return stream if "b" in self.mode else io.TextIOWrapper(stream, encoding="utf-8")


class WriteFile(_File):
    """What is written becomes a version when the file is closed; nothing does if the block that
    wrote it failed, or if it was never closed.
    """

    def __init__(self, storage: Opens, name: str, mode: str) -> None:
        self._writer = Writer(storage, name)
        stream: Any = self._writer
        super().__init__(stream, name)
        self.mode = mode

    def write(self, content: Any) -> int:
        """Text, encoded as UTF-8, or bytes, as the mode says. Raises TypeError for the other."""
        if isinstance(content, str) is ("b" in self.mode):
            wanted = "bytes" if "b" in self.mode else "text"
            raise TypeError(f"a file opened with {self.mode!r} takes {wanted}")
        self._writer.write(content.encode() if isinstance(content, str) else content)
        return len(content)

    def writelines(self, lines: Iterable[Any]) -> None:
        """As `write`, one after the other."""
        for line in lines:
            self.write(line)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._writer.tell()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._writer.discard()
        self.close()


class Writer(io.RawIOBase):
    """Short content is held, longer is staged as it comes."""

    def __init__(self, storage: Opens, name: str) -> None:
        self._storage, self._name = storage, name
        self._held = bytearray()
        self._upload: Any = None
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, content: Any) -> int:
        """Raises what the server answers; the file makes no version then."""
        if self.closed:
            raise ValueError("write to a closed file")
        piece = memoryview(content).cast("B")
        self._held += piece
        self._written += len(piece)
        while len(self._held) > PIECE:  # one byte at least is left for the last piece
            self._send(bytes(self._held[:PIECE]), last=False)
            del self._held[:PIECE]
        return len(piece)

    def close(self) -> None:
        """Make the version. Raises what the server answers; a second call does nothing."""
        if self.closed:
            return
        super().close()
        if self._upload is None:
            self._storage.store(self._name, bytes(self._held))
            return
        self._send(bytes(self._held), last=True)
        self._storage.finish(self._name, self._upload)

    def discard(self) -> None:
        """Close without making a version."""
        if self.closed:
            return
        super().close()
        if self._upload is not None:
            self._upload.delete()

    def __del__(self) -> None:
        # io would close it, and so make a version of a file that nobody finished.
        upload, self._upload = getattr(self, "_upload", None), None
        if upload is not None and not self.closed:
            self._storage.abandon(upload)

    def _send(self, piece: bytes, *, last: bool) -> None:
        if self._upload is None:
            self._upload = self._storage.begin(self._name)
        self._upload.append(piece, last=last)
