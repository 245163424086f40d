"""Media types: read from Content-Type, matched with a collection's patterns (RFC 9110, 8.3.1)."""

import re
from collections.abc import Iterable

MAX_MEDIA_TYPE_BYTES = 127
DEFAULT_MEDIA_TYPE = "application/octet-stream"

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*"'
_MEDIA_TYPE = re.compile(
    rf"({_TOKEN}/{_TOKEN})((?:[ \t]*;(?:[ \t]*{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))?)*)",
)


class BadMediaType(ValueError):
    """A Content-Type that is no media type, or too long to keep; the text is fit for the client."""


def parse_media_type(value: str | None) -> str:
    """Return the media type to keep: type and subtype in lower case, parameters as sent.

    An absent or empty field is `application/octet-stream` (RFC 9110, 8.3). Raises BadMediaType.
    """
    if not value or not (text := value.strip(" \t")):
        return DEFAULT_MEDIA_TYPE
    found = _MEDIA_TYPE.fullmatch(text)
    if found is None:
        raise BadMediaType("Content-Type is not type/subtype with parameters")
    if len(text) > MAX_MEDIA_TYPE_BYTES:
        raise BadMediaType(
            f"Content-Type has {len(text)} bytes; the limit is {MAX_MEDIA_TYPE_BYTES}"
        )
    return found[1].lower() + found[2]


def essence(media_type: str) -> str:
    """Return `type/subtype` in lower case, without parameters."""
    return media_type.partition(";")[0].strip(" \t").lower()


def matches(media_type: str, patterns: Iterable[str]) -> bool:
    """Whether the type is covered by one of `patterns`: `type/subtype`, `type/*` or `*/*`."""
    name = essence(media_type)
    family = name.partition("/")[0] + "/*"
    return any(pattern.lower() in {name, family, "*/*"} for pattern in patterns)
