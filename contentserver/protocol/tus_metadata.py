"""Upload-Metadata of tus 1.0.0: "one or more comma-separated key-value pairs", values in Base64."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Final

LIMIT: Final = 4096
"""Bytes of the whole field; it is kept with the upload and repeated by HEAD."""

SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = {
    "media_type": ("media_type", "filetype", "type"),
    "filename": ("filename", "name"),
}
"""Names that plain tus clients use for ours; the first that says something counts."""


class BadUploadMetadata(ValueError):
    """The field cannot be used; the text names the key and is fit for the client."""


def parse_metadata(field: str | None) -> dict[str, bytes]:
    """Name -> value of each pair; a name without a value has the empty one.

    "The key MUST NOT contain spaces and commas and MUST NOT be empty", "All keys MUST be unique",
    "the value MUST be Base64 encoded": raises BadUploadMetadata, and for more than LIMIT bytes. An
    empty field, which some clients send, has no pairs.
    """
    if not field or not field.strip(" "):
        return {}
    if len(field) > LIMIT:
        raise BadUploadMetadata(f"Upload-Metadata has {len(field)} bytes; {LIMIT} are the limit")
    found: dict[str, bytes] = {}
    for name, encoded in _pairs(field):
        if name in found:
            raise BadUploadMetadata(f"Upload-Metadata names {name!a} twice")
        found[name] = _decode(name, encoded)
    return found


def text_of(pairs: Mapping[str, bytes], name: str) -> str | None:
    """What is said under a name of ours, or under a synonym of it; None where nothing is. Raises
    BadUploadMetadata for what is no UTF-8.
    """
    for synonym in SYNONYMS.get(name, (name,)):
        if value := pairs.get(synonym):
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise BadUploadMetadata(f"{synonym} in Upload-Metadata is not UTF-8") from None
    return None


def _pairs(field: str) -> Iterator[tuple[str, str]]:
    for pair in field.split(","):
        name, _, encoded = pair.strip(" ").partition(" ")
        if not name:
            raise BadUploadMetadata("Upload-Metadata holds a pair without a name")
        yield name, encoded


def _decode(name: str, encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded.encode("latin-1"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise BadUploadMetadata(f"the value of {name!a} in Upload-Metadata is not Base64") from None
