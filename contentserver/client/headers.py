"""What requests say of a file, and what answers do."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote

from contentserver.client.digests import hex_of
from contentserver.client.values import FileInfo, Stored

Headers = dict[str, str | bytes]
_EXTENDED = re.compile(r"filename\*=(?:UTF-8|utf-8)''([^;\s]+)")
_PLAIN = re.compile(r'filename="((?:[^"\\]|\\.)*)"')
Tags = str | tuple[str, ...] | list[str]


def about(
    media_type: str | None,
    filename: str | None,
    data_subject: str | None,
    custom: Mapping[str, str] | None,
) -> Headers:
    """The headers of a PUT that describe the file; the names of docs/http.md."""
    headers: Headers = {}
    if media_type is not None:
        headers["content-type"] = media_type
    if filename is not None:
        headers["content-disposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
    if data_subject is not None:
        headers["data-subject"] = data_subject.encode()
    if custom:
        headers["x-custom"] = json.dumps(dict(custom))
    return headers


def upload_metadata(fields: Mapping[str, str | None]) -> str:
    """Upload-Metadata (tus 1.0.0): names and base64 values; None is left out."""
    pairs = ((name, text) for name, text in fields.items() if text is not None)
    return ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in pairs)


def conditions(if_match: Tags | None, if_none_match: Tags | None) -> Headers:
    """Preconditions. A tag may come with or without its quotes; `*` stays."""
    given = {"if-match": if_match, "if-none-match": if_none_match}
    return {name: _tags(tags) for name, tags in given.items() if tags is not None}


def _tags(tags: Tags) -> str:
    several = [tags] if isinstance(tags, str) else list(tags)
    return ", ".join(tag if tag == "*" or '"' in tag else f'"{tag}"' for tag in several)


def info_of(collection: str, key: str, status: int, headers: Mapping[str, str]) -> FileInfo:
    """What the headers of 200 or 206 say of the file."""
    return FileInfo(
        collection=collection,
        key=key,
        version=headers.get("x-version"),
        etag=headers.get("etag"),
        size=size_of(status, headers),
        sha256=hex_of(headers.get("repr-digest")),
        media_type=headers.get("content-type", "application/octet-stream"),
        filename=filename_of(headers.get("content-disposition")),
        modified=_date(headers.get("last-modified")),
        imported=headers.get("x-imported") == "true",
        unchecked=headers.get("x-unchecked") == "true",
    )


def size_of(status: int, headers: Mapping[str, str]) -> int | None:
    """Bytes of the whole file."""
    if status == 206:
        total = headers.get("content-range", "").rpartition("/")[2]
        return int(total) if total.isdigit() else None
    length = headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def first_byte_of(status: int, headers: Mapping[str, str]) -> int:
    """Where the body of the answer begins in the file."""
    found = re.match(r"bytes (\d+)-", headers.get("content-range", "")) if status == 206 else None
    return int(found[1]) if found else 0


def filename_of(disposition: str | None) -> str | None:
    """The name in a Content-Disposition (RFC 6266), `filename*` before `filename`."""
    if disposition is None:
        return None
    if extended := _EXTENDED.search(disposition):
        return unquote(extended[1])
    plain = _PLAIN.search(disposition)
    return re.sub(r"\\(.)", r"\1", plain[1]) if plain else None


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None


def stored_of(document: Mapping[str, Any], *, created: bool) -> Stored:
    """The JSON that a PUT and a commit answer with."""
    names = ("collection", "key", "version", "etag", "size", "sha256")
    return Stored(**{name: document[name] for name in names}, created=created)
