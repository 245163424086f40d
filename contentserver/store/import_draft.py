"""A legacy file on its way to becoming a version, and what stood in its place before it."""

import itertools
from dataclasses import dataclass, replace
from typing import Self

from contentserver.store.address import Version
from contentserver.store.conditions import Latest, find_same
from contentserver.store.direct import DirectStage
from contentserver.store.disk_errors import disk_errors
from contentserver.store.errors import DigestMismatch, StoreError, UploadUnknown
from contentserver.store.fileops import Buffer
from contentserver.store.metadata import Metadata
from contentserver.store.placing import Draft
from contentserver.store.results import VersionInfo
from contentserver.store.roots import Root

_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Standing:
    """The latest version of a file as an importer noted it, before it read the source."""

    latest: Latest | None

    @property
    def version(self) -> Version | None:
        """None if the file has no version at all; a delete marker is one."""
        return self.latest.version if self.latest else None

    @property
    def deleted(self) -> bool:
        return self.latest is not None and self.latest.deleted

    @property
    def info(self) -> VersionInfo | None:
        """None if there is no version, or its header does not open."""
        return self.latest.info if self.latest else None

    @property
    def sha256(self) -> bytes | None:
        """Of the plaintext, where the header opens."""
        return self.info.sha256 if self.info else None

    @property
    def metadata(self) -> Metadata | None:
        return self.info.metadata if self.info else None

    @property
    def erased(self) -> bool:
        """Its data subject was erased: nothing more may be imported for it."""
        return self.latest is not None and self.latest.erased

    @property
    def unreadable(self) -> bool:
        """Its header does not open, and not because of an erasure: the file is damaged."""
        return self.latest is not None and self.latest.info is None and not self.latest.erased


class ImportDraft:
    """One file being imported; `Imports.commit` takes it, or `abort` removes it. As a context it is
    given up at the end unless it was committed.
    """

    def __init__(
        self,
        stage: DirectStage,
        metadata: Metadata,
        standing: Standing,
        version: Version,
        root: Root,
        *,
        deleted: bool = False,
    ) -> None:
        self.stage = stage
        self.metadata = metadata
        self.standing = standing
        self.version = version
        """What it is to become, on `root`."""
        self.root = root
        self._deleted = deleted
        with disk_errors():
            self._writer = stage.begin_part()
        # Counted after the file was opened and before anything is written: the draft with the
        # lowest number was open before any other wrote.
        self.number = next(_numbers)
        self._failure: StoreError | None = None
        self._closed = False

    def write(self, data: Buffer) -> None:
        """Encrypt and append. Raises NoSpace, Unavailable; the draft is then good for nothing."""
        self._refuse_if_gone()
        try:
            with disk_errors():
                self._writer.write(data)
        except StoreError as error:
            self._failure = error
            self.abort()
            raise

    def abort(self) -> None:
        """Remove what was written; after a commit it does nothing."""
        self.close()

    def end(self) -> Draft:
        """All bytes are there: what is to be committed. Raises DigestMismatch, NoSpace, OSError."""
        self._refuse_if_gone()
        self.stage.keep_part(self._writer)
        body = self.stage.get_body()
        digest = body.plain_sha256.hex()
        if self.metadata.sha256 not in {None, digest}:
            raise DigestMismatch
        metadata = replace(self.metadata, sha256=digest)
        return Draft(body, metadata, b"", deleted=self._deleted, imported=True)

    def find_same(self, draft: Draft) -> VersionInfo | None:
        """The version that stands, if this import would only repeat it."""
        if self._deleted:
            return None
        return find_same(self.standing.latest, draft.metadata, draft.body.plain_sha256)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the staged file go: it is removed unless it may have its place."""
        if not self._closed:
            self._closed = True
            self.stage.close()

    def _refuse_if_gone(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise UploadUnknown("this import was given up or committed; begin it again")
