"""Names: which collections, keys and versions there are, and where on disk each lies.

No text of a user becomes a path: a file lies under its address, the first 16 bytes of
HMAC-SHA256(naming key, collection ‖ 00 ‖ key), in hex.
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass

from contentserver.store.errors import BadMetadata

KEY_LIMIT = 512
"""Bytes of UTF-8."""

_COLLECTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"([1-9][0-9]{0,3})\.([1-9][0-9]{0,9})", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """`year.number`, for example `2025.1`; later versions compare greater."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Version":
        """The version that `text` names; raises BadMetadata for all but its one spelling."""
        match = _VERSION.fullmatch(text)
        if match is None or int(match[2]) > 0xFFFFFFFF:
            raise BadMetadata("version", "is written year.number, for example 2025.1")
        return cls(int(match[1]), int(match[2]))


def check_collection(name: str) -> str:
    """`name` itself, if a collection may be called so; raises BadMetadata otherwise."""
    if _COLLECTION.fullmatch(name) is None:
        raise BadMetadata(
            "collection",
            "is 1 to 64 of a-z, 0-9, hyphen and underscore, beginning with a letter or a digit",
        )
    return name


def check_key(key: str) -> str:
    """`key` itself, if a file may be called so; raises BadMetadata with the reason otherwise.

    1 to 512 bytes of UTF-8 in NFC, without control characters; `/` separates segments, none of
    which is empty, `.` or `..`.
    """
    try:
        length = len(key.encode())
    except UnicodeEncodeError:
        raise BadMetadata("key", "is not Unicode text: it holds half a surrogate pair") from None
    if not 1 <= length <= KEY_LIMIT:
        raise BadMetadata("key", f"is 1 to {KEY_LIMIT} bytes of UTF-8, this one has {length}")
    if _CONTROL.search(key):
        raise BadMetadata("key", "holds a control character")
    if not unicodedata.is_normalized("NFC", key):
        raise BadMetadata("key", "is not in Unicode normalisation form C")
    if any(segment in {"", ".", ".."} for segment in key.split("/")):
        raise BadMetadata("key", "holds an empty, '.' or '..' segment")
    return key


def address_of(naming_key: bytes, collection: str, key: str) -> bytes:
    """The 16 bytes under which a file lies. Both names have been checked: neither holds a zero."""
    return hmac.digest(naming_key, b"%b\0%b" % (collection.encode(), key.encode()), "sha256")[:16]


def slot_path(year: int, address: bytes, number: int) -> str:
    """Where version `number` of a file lies below its storage root: `2025/ab/cd/<address>.1`."""
    return f"{folder_path(year, address)}/{slot_name(address, number)}"


def folder_path(year: int, address: bytes) -> str:
    """The folder of an address, below its storage root: `2025/ab/cd`."""
    name = address.hex()
    return f"{year}/{name[:2]}/{name[2:4]}"


def slot_name(address: bytes, number: int) -> str:
    """The name of a version within its folder: `<address>.1`."""
    return f"{address.hex()}.{number}"
