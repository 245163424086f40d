"""What the headers of a PUT declare, read and checked before a byte of the body is taken."""

from dataclasses import dataclass

import orjson

from contentserver.delivery.access import Access
from contentserver.delivery.errors import BadRequest, LengthRequired, WrongMediaType
from contentserver.delivery.rules import Rules
from contentserver.protocol.dates import parse_http_date
from contentserver.protocol.digests import BadDigest, parse_sha256
from contentserver.protocol.dispositions import parse_filename
from contentserver.protocol.etags import ANY, parse_etag_list
from contentserver.protocol.media_types import parse_media_type
from contentserver.store.errors import BadMetadata
from contentserver.store.metadata import Metadata


@dataclass(frozen=True, slots=True)
class Declared:
    """`length` is None for a chunked body; entity tags are quoted, `("*",)` is any."""

    metadata: Metadata
    length: int | None
    sha256: bytes | None
    if_match: tuple[str, ...] | None
    if_none_match: tuple[str, ...] | None
    if_unmodified_since: int | None


def read_declared(access: Access, rules: Rules) -> Declared:
    """Raises BadRequest, BadMetadata, BadDigest, …, each naming its header; LengthRequired;
    WrongMediaType.
    """
    headers = access.request.headers
    length = access.request.content_length
    if length == 0 and "content-length" not in headers:
        raise LengthRequired("send Content-Length, or the body chunked")
    metadata = _metadata(access, rules)
    if not rules.takes(metadata.media_type or ""):
        raise WrongMediaType(f"this collection takes no files of the type {metadata.media_type}")
    return Declared(
        metadata,
        length,
        _digest(headers.get("repr-digest")),
        entity_tags(headers.get("if-match"), "If-Match"),
        entity_tags(headers.get("if-none-match"), "If-None-Match"),
        unmodified_since(headers.get("if-unmodified-since")),
    )


def entity_tags(value: str | None, name: str) -> tuple[str, ...] | None:
    """The tags of a condition for a write. Raises BadRequest: to guess at one would be to
    overwrite.
    """
    if value is None:
        return None
    tags = parse_etag_list(value)
    if tags is None:
        raise BadRequest(f"{name} is neither * nor a list of quoted entity tags")
    return (ANY,) if tags == ANY else tuple(tags)


def unmodified_since(value: str | None) -> int | None:
    """Seconds since the epoch; None where absent or no date (RFC 9110 section 13.1.4: ignore it
    then).
    """
    return None if value is None else parse_http_date(value)


def _digest(value: str | None) -> bytes | None:
    try:
        return parse_sha256(value)
    except BadDigest as error:
        raise BadDigest(f"Repr-Digest: {error}") from None


def _metadata(access: Access, rules: Rules) -> Metadata:
    headers = access.request.headers
    assert access.collection is not None
    assert access.key is not None
    try:
        subject = rules.subject_of(access.key, access.request.text("data-subject"))
    except ValueError as error:
        raise BadRequest(str(error)) from None
    return Metadata(
        collection=access.collection,
        key=access.key,
        media_type=parse_media_type(headers.get("content-type")),
        filename=parse_filename(headers.get("content-disposition")),
        created_by=access.actor,
        on_behalf_of=access.principal.end_user if access.principal else None,
        data_subject=subject,
        custom=_custom(headers.get("x-custom")),
    )


def _custom(value: str | None) -> dict[str, str] | None:
    """The client's own facts, a JSON object of strings in the header X-Custom."""
    if value is None:
        return None
    try:
        found = orjson.loads(value.encode("latin-1"))
    except orjson.JSONDecodeError:
        raise BadMetadata("X-Custom", "is not JSON") from None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise BadMetadata("X-Custom", "is not a JSON object of strings")
    return found or None
