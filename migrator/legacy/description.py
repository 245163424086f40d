"""A source, described and not coded: which tables of the legacy database hold which files, and how.

The same description lies in the control plane's database, in a TOML file of the operator, and in
the signed policy, from which the data plane reads it. Addresses and passwords are never part of it
(`migrator.legacy.address`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["chunks", "bytea", "large_object"]
Codec = Literal["none", "zlib", "gzip", "deflate", "bz2", "lzma", "zstd"]
Scope = Literal["chunk", "stream"]
DigestKind = Literal["md5", "sha1", "sha256", "crc32"]

RecordId = tuple[str, ...]
"""The values of a legacy record's key columns, each as PostgreSQL writes it (`column::text`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The table with one row for each file. Names of columns; None where there is no such column.

    `table` may name its schema (`hr.photo`). `time_zone` is that of a `changed_at` without one.
    `length` is the plaintext's in bytes. Values of `digest` are hex or bytea, of the plaintext.
    """

    table: str
    key_columns: tuple[str, ...]
    changed_at: str | None = None
    time_zone: str = "UTC"
    filename: str | None = None
    media_type: str | None = None
    owner: str | None = None
    data_subject: str | None = None
    length: str | None = None
    digest: str | None = None
    digest_kind: DigestKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Where the bytes are.

    chunks: `table` holds them, `record_columns` lead to the record in the order of its key
    columns, `order` counts from `first` (0 or 1) without gaps. bytea and large_object: `data` is a
    column of the record table (large_object: of type oid), and the other three are not used.
    `scope` says whether each chunk was compressed by itself or the stream as a whole and then cut.
    `chunk_size` in bytes, for write-backs alone: of plaintext with scope chunk, of what is stored
    with scope stream. Readers take any size.
    """

    kind: Kind
    data: str
    table: str | None = None
    record_columns: tuple[str, ...] = ()
    order: str | None = None
    first: int = 0
    codec: Codec = "none"
    scope: Scope = "chunk"
    chunk_size: int = 51_200


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One source. `key` is the template that leads from a record to its key in `collection`, and
    back: `{id}.jpg`, with the names of key columns in braces.

    `max_size` bounds a file's plaintext in bytes, so that no compressed bomb fills memory or disk.
    `empty_allowed`: a record without content is an empty file; otherwise it must declare length 0.
    `media_type` is that of records which name none. `insert` are further columns of a new record
    in a write-back, with constant values.
    """

    name: str
    collection: str
    key: str
    records: Records
    content: Content
    media_type: str = "application/octet-stream"
    max_size: int = 2_147_483_648
    empty_allowed: bool = False
    insert: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> "Description":
        """What `to_mapping` gave, or a person wrote. Raises DescriptionInvalid naming the field."""
        from migrator.legacy.mapping import description_from  # noqa: PLC0415 - it builds this class

        return description_from(given)

    def to_mapping(self) -> dict[str, Any]:
        """The same as text, whole numbers, lists and mappings; nothing is None."""
        from migrator.legacy.mapping import mapping_of  # noqa: PLC0415 - it builds this class

        return mapping_of(self)
