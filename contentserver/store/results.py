"""What the store answers with: facts about versions, receipts of commits, room on the roots."""

from dataclasses import dataclass, field
from uuid import UUID

from contentserver.store.address import Version
from contentserver.store.errors import StoreError
from contentserver.store.metadata import Metadata


def etag_of(version: Version, sha256: bytes) -> str:
    """The strong entity tag as it is sent, quoted: `"2025.1-<16 hex of the digest>"`."""
    return f'"{version}-{sha256.hex()[:16]}"'


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One stored version, as its authenticated header tells it. Sizes are bytes of plaintext.

    `modified_ns` is the time to show: of an imported version the one that its source claims.
    """

    version: Version
    address: bytes
    file_id: UUID
    size: int
    sha256: bytes
    metadata: Metadata
    committed_at_ns: int
    modified_ns: int
    deleted: bool
    imported: bool
    erasable: bool
    stored_size: int
    root: str

    @property
    def etag(self) -> str:
        return etag_of(self.version, self.sha256)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A slot whose header does not open: `error` says why (Corrupt, Erased, KeyMissing)."""

    version: Version
    address: bytes
    root: str
    error: StoreError


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer of a commit. `created` is False when the same bytes stood there already."""

    version: Version
    etag: str
    sha256: bytes
    size: int
    created: bool
    committed_at_ns: int


def receipt_of(info: VersionInfo, *, created: bool = True) -> Receipt:
    """The receipt of a version that stands in its slot."""
    return Receipt(info.version, info.etag, info.sha256, info.size, created, info.committed_at_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadState:
    """An upload as its info tells it, seen without its lock: `offset` is what was acknowledged,
    in bytes; `receipt` is set once it is committed. Times are ns since the epoch.
    """

    actor: str
    metadata: Metadata
    length: int | None
    offset: int
    commit_auto: bool
    expires_at_ns: int
    client_metadata: str | None
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Recovered:
    """A commit that a dead process had begun, or a complete upload with `commit=auto`, now
    finished.
    """

    upload_id: UUID
    collection: str
    key: str
    actor: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class RefusedUpload:
    """A complete upload with `commit=auto` that a commit check did not let in."""

    upload_id: UUID
    collection: str
    key: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedUpload:
    """An upload that is not committed. Sizes are bytes, times ns since the epoch.

    `offset` is what was acknowledged, `held` what it keeps on the disk: parts, and room for the
    rest. `refused`: a commit check did not let it in.
    """

    id: UUID
    root: str
    client: str
    collection: str
    length: int | None
    offset: int
    held: int
    commit_auto: bool
    refused: bool
    created_at_ns: int
    expires_at_ns: int

    @property
    def commits_itself(self) -> bool:
        """Whether recovery commits it where its client cannot; then it does not expire."""
        return self.commit_auto and not self.refused and self.offset == self.length

    def is_overdue(self, now_ns: int) -> bool:
        """Whether its time is over and nothing keeps it."""
        return self.expires_at_ns <= now_ns and not self.commits_itself


@dataclass(slots=True)
class StagingSurvey:
    """What lies in staging. `held`: bytes on the disk, of uploads in one request too."""

    uploads: list[StagedUpload] = field(default_factory=list)
    receipts: int = 0
    unreadable: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class RootSpace:
    """Room on one storage root, in bytes and inodes. `present` is False for a root that is not
    there.
    """

    name: str
    path: str
    present: bool
    total: int
    free: int
    inodes: int
    inodes_free: int
