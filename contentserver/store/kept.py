"""Staging of an upload that later requests take up again: `staging/<upload id>/`."""

from contentserver.store import fileops
from contentserver.store.environment import Environment
from contentserver.store.errors import NoSpace, SlotTaken, TooLarge, UploadUnknown
from contentserver.store.locks import LOCK, UploadLock
from contentserver.store.parts import (
    PartWriter,
    StagedBody,
    has_all_parts,
    join_parts,
    part_name,
    salvage_part,
    stream_of,
    take_first_part,
)
from contentserver.store.placed import Placed, find_placed
from contentserver.store.receipts import KeptReceipt, write_receipt
from contentserver.store.results import Receipt
from contentserver.store.room import create_in_room, keep_room, take_room, take_room_again
from contentserver.store.roots import Root
from contentserver.store.staging import (
    BODY,
    INFO,
    RECEIPT,
    UploadInfo,
    find_info,
    with_part,
    write_info,
)

PARTS_LIMIT = 10_000
"""Each end of a part writes down all of them, and reading the info is limited to 1 MiB."""


class KeptStage:
    """An upload's directory, and its lock, held until `close`."""

    def __init__(
        self, environment: Environment, root: Root, dir_fd: int, lock: UploadLock, info: UploadInfo
    ) -> None:
        self._environment = environment
        self._root = root
        self._dir_fd = dir_fd
        self._lock = lock
        self._info = info
        self._part_fd = -1
        self._body: StagedBody | None = None
        self.failed = False

    @classmethod
    def create(cls, environment: Environment, root: Root, info: UploadInfo) -> "KeptStage":
        """Make the upload, durably. Raises SlotTaken if its id is in use, NoSpace."""
        name = str(info.id)
        dir_fd = _make_dir(root, name)
        try:
            lock = UploadLock.acquire(dir_fd, newer=True, patience=1.0)
        except BaseException:
            fileops.close(dir_fd)
            raise
        stage = cls(environment, root, dir_fd, lock, info)
        try:
            stage._begin()
        except BaseException:
            stage.close()
            raise
        return stage

    def _begin(self) -> None:
        if fileops.is_there(self._dir_fd, INFO):
            raise SlotTaken(f"the upload {self._info.id} exists")
        try:
            self.reserve()
        except NoSpace:
            self.remove()
            raise
        self.keep_info()
        fileops.sync_dir(self._root.staging_fd, "sync_staging")

    def reserve(self) -> None:
        """Hold room for what was announced. Raises NoSpace."""
        take_room(self._dir_fd, self._info)

    def salvage(self) -> None:
        """After a dead request: keep what authenticates of its part.

        Raises UploadUnknown, and removes the upload, if bytes below an acknowledged offset are
        gone.
        """
        if not has_all_parts(self._dir_fd, self._info):
            self.remove()
            raise UploadUnknown("the upload lost bytes that had arrived; create a new one")
        part = salvage_part(self._dir_fd, self._info)
        if part is not None:
            self._info.parts = with_part(self._info.parts, part)
            self.keep_info()
        keep_room(self._dir_fd, self._info)

    def begin_part(self) -> PartWriter:
        """A new part at the end. Raises NoSpace, and TooLarge beyond PARTS_LIMIT."""
        number = len(self._info.parts) + 1
        if number > PARTS_LIMIT:
            raise TooLarge(
                f"an upload has at most {PARTS_LIMIT} parts; begin anew with longer ones"
            )
        stream, begin = stream_of(self._info, number)
        self._part_fd = create_in_room(self._dir_fd, part_name(number))
        return PartWriter(self._part_fd, begin, stream)

    def keep_part(self, writer: PartWriter) -> None:
        """Make the part durable, then the info that speaks of it; after an error forget the part.

        `failed` is set where that is not enough: what an fsync did not keep is never tried again.
        """
        part = writer.finish()
        fileops.give_room_back(self._part_fd)
        try:
            fileops.fsync_file(self._part_fd, "sync_part")
        except BaseException:
            self.failed = True
            raise
        self._close_part()
        before = self._info.parts
        self._info.parts = with_part(before, part)
        try:
            self.keep_info()
        except BaseException:
            self.failed = self._is_told(len(self._info.parts))
            self._info.parts = before
            raise
        take_room_again(self._dir_fd, self._info)

    def _is_told(self, parts: int) -> bool:
        """Whether the info that was not made durable took its place all the same."""
        info = find_info(self._dir_fd, self._info.id, self._environment.keyset)
        return info is not None and len(info.parts) == parts

    def drop_part(self) -> None:
        """Forget the open part."""
        self._close_part()
        fileops.unlink_if_there(self._dir_fd, part_name(len(self._info.parts) + 1))
        take_room_again(self._dir_fd, self._info)

    def keep_info(self) -> None:
        """Write the info durably. Raises KeyMissing, NoSpace."""
        environment = self._environment
        write_info(self._dir_fd, self._info, environment.keyset, environment.year_now())

    def get_body(self) -> StagedBody:
        """The whole upload as one body: part 1 as it stands, or all parts joined."""
        if self._body is None:
            first = take_first_part(self._dir_fd, self._info)
            self._body = first or join_parts(self._dir_fd, self._info)
        return self._body

    def find_placed(self) -> Placed | None:
        """The slot that an earlier, broken commit of this upload reached."""
        for name in (part_name(1), BODY):
            placed = find_placed(self._environment, self._dir_fd, name)
            if placed is not None:
                return placed
        return None

    def is_wanted(self) -> bool:
        """Whether a newer request asks for the upload."""
        return self._lock.is_wanted()

    def keep_receipt(self, receipt: Receipt) -> None:
        """Write the receipt durably."""
        kept = KeptReceipt(receipt, self._info.expires_at_ns)
        keyset = self._environment.keyset
        write_receipt(self._dir_fd, self._info.id, kept, keyset, receipt.version.year)

    def clear(self) -> None:
        """Remove the staging names; lock, info and receipt stay until expiry."""
        for name in fileops.list_dir(self._dir_fd):
            if name not in {LOCK, INFO, RECEIPT}:
                fileops.unlink_if_there(self._dir_fd, name)

    def remove(self) -> None:
        """Remove the upload."""
        self._close_part()
        fileops.remove_tree(self._root.staging_fd, str(self._info.id))

    def close(self) -> None:
        """Let the lock go."""
        self._close_part()
        if self._body is not None:
            fileops.close(self._body.fd)
            self._body = None
        self._lock.close()
        fileops.close(self._dir_fd)

    def _close_part(self) -> None:
        if self._part_fd >= 0:
            fileops.close(self._part_fd)
            self._part_fd = -1


def _make_dir(root: Root, name: str) -> int:
    """The directory of an upload; one whose maker died before it wrote the info is taken over."""
    try:
        return fileops.make_dir(root.staging_fd, name)
    except FileExistsError:
        fd = fileops.find_dir(root.staging_fd, name)
        if fd is None:
            raise UploadUnknown from None
        return fd
