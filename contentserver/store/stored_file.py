"""A stored version, open for reading."""

from collections.abc import Iterator
from types import TracebackType

from contentserver.store.address import Version
from contentserver.store.header import Header
from contentserver.store.metadata import Metadata


class StoredFile:
    """One version; every byte it gives was authenticated on that read. Close it, or use it as a
    context.
    """

    header: Header
    version: Version
    size: int
    digest: bytes
    metadata: Metadata
    committed_at_ns: int
    etag: str
    root: str

    def read(self, start: int, length: int, *, cached_only: bool = False) -> bytes:
        """Plaintext from `start`, shorter only at the end. Raises Corrupt; WouldBlock with
        `cached_only`.
        """

    def pieces(self, start: int, length: int, *, cached_only: bool = False) -> list[bytes]:
        """As `read`, in pieces of at most 128 KiB that have not been joined."""

    def chunks(self, start: int, length: int) -> Iterator[tuple[int, int]]:
        """(start, length) of reads of at most 1 MiB that together are the range and touch each
        segment once.
        """

    def close(self) -> None:
        """Let the descriptor go; twice is fine."""

    def __enter__(self) -> "StoredFile": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
