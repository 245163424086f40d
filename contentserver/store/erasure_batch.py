"""Making many erasure keys with the flushes of one.

A key stands under its name only after its bytes are on stable storage, as with a single one: who
meets it may rely on it at once, and has only its name to make durable.
"""

import contextlib
import secrets
from collections.abc import Mapping
from contextlib import ExitStack

from contentserver.store import fileops
from contentserver.store.errors import SlotTaken


def create_together(dir_fd: int, files: Mapping[str, bytes]) -> None:
    """Each path below `dir_fd` holds its bytes, or what another process put there first, durably.

    `files` is not empty. Raises NoSpace, OSError; then none of them may be believed.
    """
    with ExitStack() as opened:
        staged = [_Staged(dir_fd, path, data, opened) for path, data in files.items()]
        # The first was open before any other was written.
        first = staged[0].fd
        fileops.sync_together(first, "sync_erasure_keys")
        for one in staged:
            one.link()
        fileops.sync_together(first, "sync_erasure_names")
        for one in staged:
            one.settle()


class _Staged:
    """A file beside its place, until it is closed."""

    def __init__(self, dir_fd: int, path: str, data: bytes, opened: ExitStack) -> None:
        self._dir_fd = dir_fd
        self._path, _, self._name = path.rpartition("/")
        self._folder, self._settled = fileops.make_dirs(dir_fd, self._path)
        opened.callback(fileops.close, self._folder)
        self._temporary = f".{self._name}.{secrets.token_hex(8)}"
        self.fd = fileops.create_exclusive(self._folder, self._temporary)
        opened.callback(fileops.close, self.fd)
        opened.callback(fileops.unlink_if_there, self._folder, self._temporary)
        fileops.write_all(self.fd, data, 0)

    def link(self) -> None:
        with contextlib.suppress(SlotTaken):
            fileops.link_into_place(
                self._folder, self._temporary, self._folder, self._name, "link_erasure_key"
            )

    def settle(self) -> None:
        if not self._settled:
            fileops.settle_dirs(self._dir_fd, self._path)
