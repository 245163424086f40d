"""Staging of an upload that one request begins and commits: one file, which is its own lock.

Nobody but that request knows the upload, so nothing of it is durable before the commit and no
receipt is kept. What a dead process leaves is finished or removed by `recovery`.
"""

from uuid import uuid4

from contentserver.store import fileops, segments
from contentserver.store.environment import Environment
from contentserver.store.errors import UploadUnknown
from contentserver.store.parts import PartWriter, StagedBody, body_of
from contentserver.store.placed import Placed, find_placed
from contentserver.store.results import Receipt
from contentserver.store.roots import Root
from contentserver.store.staging import UploadInfo

SUFFIX = ".put"
LONG = 8 << 20
"""Bytes. For less, asking the file system costs more than what a refusal in between would."""


class DirectStage:
    """`staging/<random>.put` on one root."""

    def __init__(self, environment: Environment, root: Root, info: UploadInfo) -> None:
        self._environment = environment
        self._dir_fd = root.staging_fd
        self._name = ""
        self._info = info
        self._fd = -1
        self._body: StagedBody | None = None
        self.failed = False

    @property
    def name(self) -> str:
        """Of the file in the root's staging."""
        return self._name

    def begin_part(self) -> PartWriter:
        """Create the file, held by its own lock. Raises NoSpace."""
        if self._fd >= 0:
            raise ValueError("an upload in one request has one part")
        while self._fd < 0:
            self._name = f"{uuid4()}{SUFFIX}"
            fd = fileops.create_exclusive(self._dir_fd, self._name)
            # Recovery may meet the file before it is locked, and take it for a dead request's.
            if fileops.try_lock(fd) and fileops.facts_of(fd).names == 1:
                self._fd = fd
            else:
                fileops.close(fd)
        self.reserve()
        stream = segments.body_stream(self._info.dek, self._info.file_id)
        return PartWriter(self._fd, self._info.header_len, stream)

    def reserve(self) -> None:
        """Room for a long body of known length is its own before its first byte. Raises NoSpace."""
        length = self._info.length
        if length is not None and length >= LONG:
            fileops.reserve(self._fd, self._info.header_len + segments.body_size(length))

    def keep_part(self, writer: PartWriter) -> None:
        """End the body; the commit makes it durable."""
        part = writer.finish()
        self._info.parts.append(part)
        self._body = body_of(self._dir_fd, self._name, self._fd, self._info, part)

    def drop_part(self) -> None:
        """Its one part is all of it."""
        self.remove()

    def keep_info(self) -> None:
        """Nothing is kept for anybody else."""

    def get_body(self) -> StagedBody:
        """The one body. Raises UploadUnknown if it was dropped."""
        if self._body is None:
            raise UploadUnknown
        return self._body

    def find_placed(self) -> Placed | None:
        """The slot that an earlier try reached before it broke off."""
        if self._body is None or not self._body.placing:
            return None
        return find_placed(self._environment, self._dir_fd, self._name)

    def is_wanted(self) -> bool:
        """Nobody else knows it."""
        return False

    def keep_receipt(self, receipt: Receipt) -> None:
        """Nobody can ask for it."""

    def clear(self) -> None:
        """Remove the staging name of a body that has its place."""
        fileops.unlink_if_there(self._dir_fd, self._name)

    def remove(self) -> None:
        """Remove all that was staged."""
        if self._fd >= 0:
            fileops.unlink_if_there(self._dir_fd, self._name)
            self._body = None

    def close(self) -> None:
        """Let the lock go; a body without a place is removed, one that may have one is left to
        recovery.
        """
        if self._fd < 0:
            return
        if self._body is None or not self._body.placing:
            fileops.unlink_if_there(self._dir_fd, self._name)
        fileops.close(self._fd)
        self._fd = -1
