"""tus 1.0.0 (https://tus.io/protocols/resumable-upload): what the server offers, and its header
fields, read. The quoted sentences are those of that text.
"""

import re
from typing import Final

VERSION: Final = "1.0.0"
EXTENSIONS: Final = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "checksum",
    "expiration",
    "termination",
)
OFFSET_TYPE: Final = "application/offset+octet-stream"
METHODS: Final = frozenset(("POST", "HEAD", "PATCH", "DELETE", "OPTIONS", "GET", "PUT"))
"""Those that X-HTTP-Method-Override may name; anything else is no method at all."""

_SIZE = re.compile(r"[0-9]{1,18}", re.ASCII)


class BadTus(ValueError):
    """A field that cannot be read; the text names it and is fit for the client."""


class NotOffered(ValueError):
    """A version or an extension of tus that is not offered here; the text names it."""


def check_version(value: str | None) -> None:
    """ "If the version specified by the Client is not supported by the Server, it MUST respond with
    the 412 Precondition Failed status": raises NotOffered, for an absent field too.
    """
    if value is None:
        raise NotOffered(f"send the header Tus-Resumable: {VERSION}")
    if value != VERSION:
        raise NotOffered(f"this server speaks tus {VERSION}, and no other version")


def parse_size(name: str, value: str) -> int:
    """Upload-Offset and Upload-Length: "The value MUST be a non-negative integer", here of up to 18
    digits. Raises BadTus.
    """
    if _SIZE.fullmatch(value) is None:
        raise BadTus(f"{name} is a whole number of bytes, 0 or more")
    return int(value)


def parse_length(length: str | None, deferred: str | None) -> int | None:
    """The length that a creation announces, None where it says that it comes later.

    "The request MUST include one of the following headers": raises BadTus for none and for both,
    and where Upload-Defer-Length "contains any other value than 1".
    """
    if deferred is not None and deferred != "1":
        raise BadTus("the only value of Upload-Defer-Length is 1")
    if (length is None) == (deferred is None):
        raise BadTus("send either Upload-Length, or Upload-Defer-Length: 1")
    return None if length is None else parse_size("Upload-Length", length)


def method_of(override: str | None, method: str) -> str:
    """ "The actual method of the request MUST be ignored" where X-HTTP-Method-Override is there. A
    value that is no method becomes "UNKNOWN", which no address knows.
    """
    if override is None:
        return method
    return override if override in METHODS else "UNKNOWN"
