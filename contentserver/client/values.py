"""What the client answers with: plain, frozen values. Sizes are bytes, times are aware UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class Progress(NamedTuple):
    """How far a transfer is: bytes done, and in total where that is known."""

    done: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A version that is durable. `created` is False where the bytes were the latest version
    already; `sha256` is hex, None where a commit by the last byte did not tell.
    """

    collection: str
    key: str
    version: str
    etag: str
    size: int
    sha256: str | None
    created: bool = True


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What the headers of a file say. `version`, `etag`, `size` and `sha256` may be None for a file
    that still comes from a legacy database; `unchecked` says that it could not be compared with it,
    `imported` that `modified` is the claim of an older system.
    """

    collection: str
    key: str
    version: str | None
    etag: str | None
    size: int | None
    sha256: str | None
    media_type: str
    filename: str | None
    modified: datetime | None
    imported: bool = False
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One version of a file; a delete marker has `deleted`. `from_legacy`: what a legacy database
    answers for, which has no version yet.
    """

    version: str | None
    etag: str | None
    size: int | None
    sha256: str | None
    media_type: str | None
    filename: str | None
    created_by: str | None
    committed_at: datetime | None
    deleted: bool = False
    imported: bool = False
    from_legacy: bool = False


@dataclass(frozen=True, slots=True)
class Head:
    """The latest version of one of many files; `version` is None while it lies in a legacy
    database.
    """

    version: str | None
    etag: str | None
    size: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file in a list, with the facts of its latest version."""

    id: str
    collection: str
    key: str
    version: str
    size: int
    sha256: str | None
    media_type: str | None
    filename: str | None
    created_by: str | None
    committed_at: datetime
    deleted: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A version that became known on a node. `kind` is stored or deleted. Who keeps `after` of the
    last change it has dealt with and begins there misses none, and may see some twice.
    """

    node: str
    number: int
    kind: str
    file: str
    collection: str
    key: str
    version: str
    size: int
    sha256: str | None
    media_type: str | None
    committed_at: datetime
    after: str | None = field(default=None, compare=False)
