"""An upload, held by one request."""

from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Protocol, Self

from contentserver.store.checking import Check, Plaintext
from contentserver.store.commit import Committer
from contentserver.store.conditions import Conditions
from contentserver.store.disk_errors import disk_errors
from contentserver.store.errors import (
    DigestMismatch,
    Refused,
    StoreError,
    TooLarge,
    UploadIncomplete,
    UploadUnknown,
)
from contentserver.store.fileops import Buffer
from contentserver.store.metadata import Metadata
from contentserver.store.parts import PartWriter, StagedBody
from contentserver.store.placed import Placed
from contentserver.store.placing import Draft
from contentserver.store.results import Receipt, receipt_of
from contentserver.store.staging import UploadInfo


class Stage(Protocol):
    """Where an upload's bytes lie: `DirectStage` or `KeptStage`, which document these."""

    failed: bool

    def reserve(self) -> None: ...
    def begin_part(self) -> PartWriter: ...
    def keep_part(self, writer: PartWriter) -> None: ...
    def drop_part(self) -> None: ...
    def keep_info(self) -> None: ...
    def get_body(self) -> StagedBody: ...
    def find_placed(self) -> Placed | None: ...
    def is_wanted(self) -> bool: ...
    def keep_receipt(self, receipt: Receipt) -> None: ...
    def clear(self) -> None: ...
    def remove(self) -> None: ...
    def close(self) -> None: ...


class Upload:
    """Stage one of a file and its commit. Holds the upload's lock from creation until `close`."""

    def __init__(
        self,
        stage: Stage,
        info: UploadInfo,
        committer: Committer,
        erasure_id: bytes,
        *,
        direct: bool,
        receipt: Receipt | None = None,
    ) -> None:
        self._stage = stage
        self._info = info
        self._committer = committer
        self._erasure_id = erasure_id
        self._direct = direct
        self._writer: PartWriter | None = None
        self._committing = False
        self._closed = False
        self._gone = False
        self.id = info.id
        self.actor = info.actor
        self.metadata = info.metadata
        self.commit_auto = info.commit_auto
        self.client_metadata = info.client_metadata
        """The header Upload-Metadata as its client sent it; None where it sent none."""
        self.refused = info.refused
        """Why a commit check did not let it in, the last time that one was asked."""
        self.expires_at_ns = info.expires_at_ns
        self.receipt = receipt
        """Set once committed."""

    @property
    def offset(self) -> int:
        """Bytes of plaintext received; acknowledged (durable) up to the last `end_part`."""
        return self._info.offset + (self._writer.size if self._writer else 0)

    @property
    def length(self) -> int | None:
        """Bytes announced, None while that is deferred."""
        return self._info.length

    def set_length(self, length: int) -> None:
        """Announce the length that creation deferred; durable when this returns.

        Raises TooLarge if more has arrived, NoSpace, ValueError if another length was announced
        before; the length is then not announced.
        """
        if self._info.length == length:
            return
        if self._info.length is not None:
            raise ValueError("the length of an upload is announced once")
        if length < self.offset:
            raise TooLarge(f"the upload holds {self.offset} bytes already")
        self._info.length = length
        try:
            with self._disk():
                self._stage.reserve()
                self._stage.keep_info()
        except BaseException:
            self._info.length = None
            raise

    def write(self, data: Buffer) -> None:
        """Encrypt and append; begins a part where none is open.

        Raises TooLarge, and takes nothing, beyond `length`; NoSpace and Unavailable, and then the
        open part is forgotten.
        """
        if self.receipt is not None:
            raise TooLarge("the upload is committed")
        if self.length is not None and self.offset + len(data) > self.length:
            raise TooLarge(f"more than the {self.length} bytes announced")
        if not len(data):
            return
        try:
            with self._disk():
                if self._writer is None:
                    self._writer = self._stage.begin_part()
                self._writer.write(data)
        except StoreError:
            self.abort_part()  # half of `data` may be in it
            raise

    def end_part(self) -> int:
        """Make all that was written durable; returns the offset that may now be acknowledged.

        May be called without bytes. For a direct upload it ends the body, without a flush: the
        commit makes it durable. After an error the part is forgotten; if it was an fsync that
        failed, the whole upload, because what it did not keep is never tried again.
        """
        if self._direct and not self._info.parts and self._writer is None:
            with self._disk():
                self._writer = self._stage.begin_part()
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                with self._disk():
                    self._stage.keep_part(writer)
            except StoreError:
                if self._stage.failed:
                    self.delete()
                else:
                    self._stage.drop_part()
                raise
        return self.offset

    def abort_part(self) -> None:
        """Forget the open part: the offset goes back to where it began."""
        if self._writer is not None:
            self._writer = None
            self._stage.drop_part()

    def should_yield(self) -> bool:
        """Whether a newer request asks for this upload; never once its commit has begun."""
        return not self._committing and self._stage.is_wanted()

    def commit(
        self,
        *,
        actor: str,  # noqa: ARG002 - who commits stands in the audit; the file names who created it
        sha256: bytes | None = None,
        if_match: tuple[str, ...] | None = None,
        if_none_match: tuple[str, ...] | None = None,
        if_unmodified_since: int | None = None,
        same_bytes_ok: bool = False,
        on_behalf_of: str | None = None,
        years: Container[int] | None = None,
        check: Check | None = None,
    ) -> Receipt:
        """Make the upload the next version of its file; durable when this returns.

        A second call answers the same, whoever makes it. `sha256`: the digest declared, if any.
        `if_match`, `if_none_match`: quoted entity tags, or `("*",)`; `if_unmodified_since`: seconds
        since the epoch. With `same_bytes_ok`, bytes, media type, filename, data subject and custom
        metadata equal to the latest's make no version: `created` is False. The version, new or
        not, must be of `years`; a repetition of one of another year makes a new one. `check` sees
        the bytes before anything is placed, and may refuse them; the upload then stays as it is.

        Raises OutsideYears, UploadIncomplete, DigestMismatch, Refused, PreconditionFailed,
        YearNotOpen, YearSealed, Erased, KeyMissing, NoSpace, RootMissing, VersionGap, Unavailable.
        """
        if self.receipt is not None:
            return self.receipt
        self.end_part()
        self._check_complete()
        self._committing = True
        conditions = Conditions(if_match, if_none_match, if_unmodified_since, same_bytes_ok, years)
        try:
            with self._disk():
                return self._commit(sha256, conditions, on_behalf_of, check)
        finally:
            self._committing = self.receipt is not None

    @property
    def is_complete(self) -> bool:
        """Whether all announced bytes are there."""
        return self._writer is None and self._info.is_complete

    @property
    def commits_itself(self) -> bool:
        """Whether recovery commits it where its client cannot; not what a check refused."""
        return self.commit_auto and self.is_complete and self.refused is None

    def resume(self) -> Receipt | None:
        """Go on with a commit of this upload that broke off after its link; None if there is none.

        Raises as `commit`; after Erased the version is placed and fed, but nobody may be told of
        it.
        """
        with self._disk():
            receipt = self._resume()
            if receipt is not None:
                self._keep(receipt)
            return receipt

    def is_due(self) -> bool:
        """Whether recovery has still to finish or commit it, so that it must outlive its expiry."""
        if self.receipt is not None:
            return False
        return self.commits_itself or self._stage.find_placed() is not None

    def tidy(self) -> None:
        """After a commit: remove staging names that a dead process left."""
        self._stage.clear()

    def delete(self) -> None:
        """Remove the upload and what was staged (tus termination)."""
        self._writer = None
        self._gone = True
        self._stage.remove()

    def close(self) -> None:
        """Let the lock go. An open part is ended first; a direct upload without a commit is
        removed.
        """
        if self._closed:
            return
        self._closed = True
        try:
            if self._writer is not None and not self._direct:
                self.end_part()
        finally:
            self._stage.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_complete(self) -> None:
        if self._direct and self._info.length is None:
            self._info.length = self._info.offset
        if not self._info.is_complete:
            raise UploadIncomplete

    def _commit(
        self,
        sha256: bytes | None,
        conditions: Conditions,
        on_behalf_of: str | None,
        check: Check | None,
    ) -> Receipt:
        receipt = self._resume() or self._place(sha256, conditions, on_behalf_of, check)
        self._keep(receipt)
        return receipt

    def _keep(self, receipt: Receipt) -> None:
        self._stage.keep_receipt(receipt)
        self.receipt = receipt
        self._stage.clear()

    def _resume(self) -> Receipt | None:
        """Go on with a commit of this upload that broke off after its link."""
        placed = self._stage.find_placed()
        if placed is None:
            return None
        self._committer.finish(placed)
        return receipt_of(self._committer.get_info(placed.address, placed.version))

    def _place(
        self,
        sha256: bytes | None,
        conditions: Conditions,
        on_behalf_of: str | None,
        check: Check | None,
    ) -> Receipt:
        body = self._stage.get_body()
        body.placing = False  # `_resume` found that it lies in no slot
        self._check_digest(body, sha256)
        metadata = replace(
            self.metadata,
            sha256=body.plain_sha256.hex(),
            on_behalf_of=on_behalf_of or self.metadata.on_behalf_of,
        )
        if check is not None:
            self._pass(check, metadata, body)
        try:
            return self._committer.commit(Draft(body, metadata, self._erasure_id), conditions)
        finally:
            if body.spoiled:
                self.delete()

    def _pass(self, check: Check, metadata: Metadata, body: StagedBody) -> None:
        """Raises Refused, which is kept: what nobody asks for again is not checked again."""
        try:
            check(metadata, Plaintext(body))
        except Refused as refused:
            self._info.refused = self.refused = refused.reason
            with suppress(StoreError, OSError):  # the refusal stands, kept or not
                self._stage.keep_info()
            raise

    def _check_digest(self, body: StagedBody, sha256: bytes | None) -> None:
        declared = self.metadata.sha256
        if sha256 not in {None, body.plain_sha256} or declared not in {
            None,
            body.plain_sha256.hex(),
        }:
            raise DigestMismatch

    @contextmanager
    def _disk(self) -> Iterator[None]:
        if self._gone:
            raise UploadUnknown("the upload failed; create a new one")
        with disk_errors():
            yield
