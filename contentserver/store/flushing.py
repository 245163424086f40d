"""Two ways to make staged bodies and their names durable: each for itself, or all together."""

from typing import Protocol

from contentserver.store import fileops
from contentserver.store.parts import StagedBody
from contentserver.store.placing import sync_body
from contentserver.store.roots import Root


class Flushing(Protocol):
    """What holds after each call is said by `OneByOne` and `Together`."""

    def sync_body(self, body: StagedBody) -> None: ...
    def sync_bodies(self) -> None: ...
    def open_folder(self, path: str) -> int: ...
    def sync_folder(self, folder: int) -> None: ...
    def sync_folders(self) -> None: ...


class OneByOne:
    """Each is durable when its own call returns; as an ordinary commit does it."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def sync_body(self, body: StagedBody) -> None:
        sync_body(body)

    def sync_bodies(self) -> None:
        """Nothing is left to do."""

    def open_folder(self, path: str) -> int:
        return fileops.make_dirs_durably(self._root.fd, path)

    def sync_folder(self, folder: int) -> None:
        fileops.sync_dir(folder, "sync_slot_dir")

    def sync_folders(self) -> None:
        """Nothing is left to do."""


class Together:
    """All are durable when the call in the plural returns; after its error, none may be believed,
    and none is flushed again.
    """

    def __init__(self, root: Root, fd: int) -> None:
        """`fd`: of a file on the root that was opened before any of the others was written."""
        self._root = root
        self._fd = fd
        self._new: set[str] = set()

    def sync_body(self, body: StagedBody) -> None:
        """Not yet."""

    def sync_bodies(self) -> None:
        fileops.sync_together(self._fd, "sync_bodies")

    def open_folder(self, path: str) -> int:
        fd, durable = fileops.make_dirs(self._root.fd, path)
        if not durable:
            self._new.add(path)
        return fd

    def sync_folder(self, folder: int) -> None:
        """Not yet."""

    def sync_folders(self) -> None:
        fileops.sync_together(self._fd, "sync_names")
        for path in self._new:
            fileops.settle_dirs(self._root.fd, path)
