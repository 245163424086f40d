"""Entity tags: how they look, how lists of them are read and compared (RFC 9110, 8.8.3, 13.1).

Field values are `str`, decoded as Latin-1 from the wire; repeated fields are joined with ", ".
"""

import re
from typing import Final, Literal

ANY: Final = "*"
"""What `parse_etag_list` returns for `*`: any current representation."""

# RFC 9110, 8.8.3: entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE; etagc = %x21 / %x23-7E / obs-text;
# "W/" is case-sensitive.
_ETAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_ONE = re.compile(_ETAG)
# RFC 9110, 5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements".
_LIST = re.compile(rf"[ \t,]*{_ETAG}(?:[ \t]*,[ \t,]*{_ETAG})*[ \t,]*")


def make_etag(version: str, digest: bytes) -> str:
    """Return the strong tag of a version, quotes included: `"2025.1-<16 hex of the SHA-256>"`."""
    return f'"{version}-{digest[:8].hex()}"'


def is_etag(text: str) -> bool:
    """Whether `text` is exactly one entity tag, weak or strong."""
    return _ONE.fullmatch(text) is not None


def parse_etag_list(value: str) -> tuple[str, ...] | Literal["*"] | None:
    """Read an If-Match or If-None-Match: tags as written, `ANY`, or None when it is malformed."""
    text = value.strip(" \t")
    if text == ANY:
        return ANY
    if _LIST.fullmatch(text) is None:
        return None
    return tuple(_ONE.findall(text))


def strong_match(one: str, other: str) -> bool:
    """RFC 9110, 8.8.3.2: "both are not weak and their opaque-tags match"."""
    return one == other and not one.startswith("W/")


def weak_match(one: str, other: str) -> bool:
    """RFC 9110, 8.8.3.2: equal "if their opaque-tags match", weak or not."""
    return one.removeprefix("W/") == other.removeprefix("W/")
