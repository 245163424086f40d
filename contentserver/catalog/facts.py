"""From a verified header to the row it becomes. The bridge and the rebuild both go through here:
that is why they agree.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from contentserver.store.results import VersionInfo

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What the catalog says of one version; texts are empty where nothing was declared."""

    address: uuid.UUID
    year: int
    number: int
    header_id: uuid.UUID
    collection: str
    key: str
    size: int
    sha256: bytes | None
    media_type: str
    filename: str
    created_by: str
    on_behalf_of: str
    data_subject: str
    original_time: str
    source: str
    custom: Mapping[str, str]
    committed_at: dt.datetime
    deleted: bool
    imported: bool

    @property
    def identity(self) -> tuple[uuid.UUID, int, int]:
        """What makes a version this version, and the order of all of them."""
        return self.address, self.year, self.number


def facts_of(info: VersionInfo) -> VersionFacts:
    """The row of a version whose header was opened and authenticated."""
    metadata = info.metadata
    return VersionFacts(
        address=uuid.UUID(bytes=info.address),
        year=info.version.year,
        number=info.version.number,
        header_id=info.file_id,
        collection=metadata.collection,
        key=metadata.key,
        size=info.size,
        sha256=None if info.deleted else info.sha256,
        media_type=_text(metadata.media_type),
        filename=_text(metadata.filename),
        created_by=_text(metadata.created_by),
        on_behalf_of=_text(metadata.on_behalf_of),
        data_subject=_text(metadata.data_subject),
        original_time=_text(metadata.original_time),
        source=_text(metadata.source),
        custom=_texts(metadata.custom),
        committed_at=time_of(info.committed_at_ns),
        deleted=info.deleted,
        imported=info.imported,
    )


def time_of(nanoseconds: int) -> dt.datetime:
    """UTC, cut (not rounded) to PostgreSQL's microseconds: no row is later than its file."""
    return _EPOCH + dt.timedelta(microseconds=nanoseconds // 1000)


def _text(value: str | None) -> str:
    """PostgreSQL holds no U+0000, a file name may: one such name must not stop the feed."""
    return "" if value is None else value.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _texts(value: Mapping[str, str] | None) -> dict[str, str]:
    return {_text(name): _text(text) for name, text in (value or {}).items()}
