"""What a file says about itself: the JSON that lies encrypted in its header.

Names, in this order, absent rather than null, without spaces, in UTF-8 with the shortest escapes:
`collection key media_type filename sha256 created_by on_behalf_of data_subject original_time source
custom`. `sha256` is that of the plaintext, in hex; `original_time` is RFC 3339 in UTC (`Z`);
`custom` is an object of strings, its names sorted. Limits are bytes as written in the JSON,
without the quotation marks; the key's are bytes of UTF-8 before escaping.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from contentserver.store.address import check_collection, check_key
from contentserver.store.errors import BadMetadata
from contentserver.store.times import from_rfc3339

LIMITS = {
    "media_type": 127,
    "filename": 255,
    "created_by": 64,
    "on_behalf_of": 256,
    "data_subject": 128,
    "original_time": 30,
    "source": 256,
    "custom": 1024,
}
"""Bytes as written in the JSON."""

_PLAIN = re.compile(r"[ !#-\[\]-~]+", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_AT_COMMIT = {"sha256": 64, "on_behalf_of": 256, "original_time": 30}
"""What the commit may add, and the room reserved for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Declared facts of a file, checked: what exists can be stored. Raises BadMetadata if not."""

    collection: str
    key: str
    media_type: str | None = None
    filename: str | None = None
    sha256: str | None = None
    created_by: str | None = None
    on_behalf_of: str | None = None
    data_subject: str | None = None
    original_time: str | None = None
    source: str | None = None
    custom: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        check_collection(self.collection)
        check_key(self.key)
        if self.sha256 is not None and _SHA256.fullmatch(self.sha256) is None:
            raise BadMetadata("sha256", "is 64 hexadecimal digits, in lower case")
        if self.original_time is not None:
            _check_time(self.original_time)
        for field, limit in LIMITS.items():
            value = getattr(self, field)
            if value is not None:
                _check_size(field, value, limit)

    def to_json(self) -> bytes:
        """The one spelling of these facts; what `from_json` reads."""
        return _written(
            {name: value for name in NAMES if (value := self._ordered(name)) is not None}
        )

    @classmethod
    def from_json(cls, raw: bytes) -> "Metadata":
        """What `to_json` wrote, from bytes that were authenticated. Raises BadMetadata for what it
        never writes. Limits were checked at stage one and are not checked again on each read.
        """
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            raise BadMetadata("metadata", "is not JSON") from None
        _check_types(found)
        metadata = object.__new__(cls)
        for name in NAMES:
            object.__setattr__(metadata, name, found.get(name))
        return metadata

    def _ordered(self, name: str) -> Any:
        value = getattr(self, name)
        return dict(sorted(value.items())) if isinstance(value, Mapping) else value


NAMES = tuple(field.name for field in fields(Metadata))
_NAMES = frozenset(NAMES)


def room_for(metadata: Metadata) -> int:
    """Bytes of JSON at the most, after the commit has added what it may add."""
    names = sum(len(f',"{name}":""') for name in _AT_COMMIT)
    written = {
        n: v for n in NAMES if n not in _AT_COMMIT and (v := metadata._ordered(n)) is not None
    }
    return len(_written(written)) + names + sum(_AT_COMMIT.values())


def _written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _check_time(text: str) -> None:
    try:
        from_rfc3339(text)
    except ValueError:
        raise BadMetadata(
            "original_time", "is written 2025-01-31T12:00:00.000000Z, in UTC, and is a real day"
        ) from None


def _check_size(field: str, value: Any, limit: int) -> None:
    if isinstance(value, str) and 0 < len(value) <= limit and _PLAIN.fullmatch(value):
        return  # nearly every value: JSON writes it as it is
    try:
        written = _written(dict(value) if isinstance(value, Mapping) else value)
    except (UnicodeEncodeError, TypeError):
        raise BadMetadata(field, "is not Unicode text") from None
    size = len(written) - (2 if isinstance(value, str) else 0)
    if size > limit:
        raise BadMetadata(field, f"takes {size} bytes as JSON; {limit} are the limit")
    if size == 0:
        raise BadMetadata(field, "is empty; leave it out instead")


def _check_types(found: Any) -> None:
    if not isinstance(found, dict) or not {"collection", "key"} <= found.keys() <= _NAMES:
        raise BadMetadata("metadata", "is not an object of the known names")
    for name, value in found.items():
        if not isinstance(value, str) and not (name == "custom" and _is_object_of_text(value)):
            raise BadMetadata(name, "is not text")


def _is_object_of_text(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())
