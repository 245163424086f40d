"""What the creation of an upload declares, in Upload-Metadata and a few headers."""

from dataclasses import dataclass
from typing import Any

import orjson

from contentserver.delivery.access import Access
from contentserver.delivery.errors import BadRequest, WrongMediaType
from contentserver.delivery.rules import Rules
from contentserver.delivery.upload_commit import read_sha256
from contentserver.protocol import tus
from contentserver.protocol.keys import check_collection, check_key
from contentserver.protocol.media_types import parse_media_type
from contentserver.protocol.tus_metadata import BadUploadMetadata, parse_metadata, text_of
from contentserver.store.errors import BadMetadata
from contentserver.store.metadata import Metadata

CONDITIONS = ("If-Match", "If-None-Match", "If-Unmodified-Since", "If-Modified-Since")


@dataclass(frozen=True, slots=True)
class Declared:
    """`length` in bytes, None while it is deferred; `pairs` are what Upload-Metadata says, `field`
    as it was sent, None where it says nothing.
    """

    collection: str
    key: str
    length: int | None
    commit_auto: bool
    pairs: dict[str, bytes]
    field: str | None


def read_creation(access: Access) -> Declared:
    """What can be read before anything is decided. Raises BadRequest, BadTus, BadUploadMetadata,
    BadKey.
    """
    headers = access.request.headers
    for name in CONDITIONS:
        if name.lower() in headers:
            raise BadRequest(f"{name} belongs to the commit; leave it out of the creation")
    length = tus.parse_length(headers.get("upload-length"), headers.get("upload-defer-length"))
    field = headers.get("upload-metadata")
    pairs = parse_metadata(field)
    collection, key = _get(pairs, "collection"), _get(pairs, "key")
    check_key(key)
    return Declared(
        check_collection(collection), key, length, _read_commit(pairs), pairs, field or None
    )


def read_metadata(access: Access, declared: Declared, rules: Rules) -> Metadata:
    """The file's metadata, under the rules of its collection. Raises BadRequest, BadMetadata,
    BadUploadMetadata, BadMediaType, BadDigest, WrongMediaType.
    """
    pairs = declared.pairs
    media_type = parse_media_type(text_of(pairs, "media_type"))
    if not rules.takes(media_type):
        raise WrongMediaType(f"this collection takes no files of the type {media_type}")
    return Metadata(
        collection=declared.collection,
        key=declared.key,
        media_type=media_type,
        filename=text_of(pairs, "filename"),
        sha256=_read_digest(access, text_of(pairs, "sha256")),
        created_by=access.actor,
        on_behalf_of=access.principal.end_user if access.principal else None,
        data_subject=_read_subject(declared, rules),
        custom=_read_custom(text_of(pairs, "custom")),
    )


def _get(pairs: dict[str, bytes], name: str) -> str:
    found = text_of(pairs, name)
    if found is None:
        raise BadUploadMetadata(f"Upload-Metadata names no {name}; add the pair {name}")
    return found


def _read_commit(pairs: dict[str, bytes]) -> bool:
    wanted = text_of(pairs, "commit")
    if wanted not in {None, "auto"}:
        raise BadUploadMetadata("the only value of commit in Upload-Metadata is auto")
    return wanted == "auto"


def _read_digest(access: Access, named: str | None) -> str | None:
    """The SHA-256 in hex that Upload-Metadata or Repr-Digest declares for the whole file."""
    field = read_sha256(access.request.headers.get("repr-digest"))
    named = None if named is None else named.lower()
    if field is None:
        return named
    if named not in {None, field.hex()}:
        raise BadRequest("Repr-Digest and sha256 in Upload-Metadata contradict each other")
    return field.hex()


def _read_subject(declared: Declared, rules: Rules) -> str | None:
    field = text_of(declared.pairs, "data_subject")
    if rules.erasure == "field" and not field:
        raise BadUploadMetadata(
            "this collection asks for the data subject; add the pair data_subject"
        )
    return rules.subject_of(declared.key, field)


def _read_custom(text: str | None) -> dict[str, str] | None:
    """The client's own facts, a JSON object of strings."""
    if text is None:
        return None
    try:
        found: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BadMetadata("custom", "is not JSON") from None
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise BadMetadata("custom", "is not a JSON object of strings")
    return found or None
