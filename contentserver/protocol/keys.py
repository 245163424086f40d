"""Keys and collections as they come in the raw path of a request; docs/http.md has the rules."""

import re
import unicodedata

MAX_KEY_BYTES = 512

_COLLECTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What most keys look like; every rule holds for them, so they cost one match. A segment that begins
# with none of the dots is neither "." nor "..".
_USUAL = re.compile(rb"[0-9A-Za-z_-][0-9A-Za-z._-]*(?:/[0-9A-Za-z_-][0-9A-Za-z._-]*)*")
_BAD_SEGMENT = re.compile(r"(?:\A|/)(\.{0,2})(?=/|\Z)")


class BadKey(ValueError):
    """A key or collection that names nothing we could store; the text is fit for the client."""


def key_from_raw_path(raw: bytes) -> str:
    """Return the key that `raw`, the path behind the collection, names. Decodes percent once.

    `%2F` equals `/`. Raises BadKey.
    """
    if len(raw) <= MAX_KEY_BYTES and _USUAL.fullmatch(raw):
        return raw.decode("ascii")
    if b"%" in raw:
        raw = _unescape(raw)
    try:
        key = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadKey("the key is not UTF-8") from None
    check_key(key)
    return key


def check_key(key: str) -> None:
    """Raise BadKey unless `key` is 1 to 512 bytes of UTF-8 in NFC.

    Control characters and segments that are empty, `.` or `..` are refused.
    """
    if not key:
        raise BadKey("the key is empty")
    _check_length(key)
    if _CONTROL.search(key):
        raise BadKey("the key contains a control character")
    if bad := _BAD_SEGMENT.search(key):
        raise BadKey(
            f"the key contains the segment {bad[1]!r}"
            if bad[1]
            else "the key contains an empty segment"
        )
    if not key.isascii() and not unicodedata.is_normalized("NFC", key):
        raise BadKey("the key is not in Unicode normalisation form C")


def split_content_path(raw: bytes) -> tuple[str, str]:
    """Split `{collection}/{key}`, the raw path behind a route's prefix. Raises BadKey."""
    collection, slash, key = raw.partition(b"/")
    if not slash:
        raise BadKey("the path names a collection but no key")
    return check_collection(collection.decode("latin-1")), key_from_raw_path(key)


def check_collection(name: str) -> str:
    """Return `name` if it can be a collection's: `[a-z0-9][a-z0-9_-]{0,63}`. Raises BadKey."""
    if _COLLECTION.fullmatch(name) is None:
        raise BadKey(
            "a collection is 1 to 64 of a-z, 0-9, _ and -, and begins with a letter or digit"
        )
    return name


def _check_length(key: str) -> None:
    try:
        length = len(key) if key.isascii() else len(key.encode("utf-8"))
    except UnicodeEncodeError:
        raise BadKey("the key is not UTF-8") from None
    if length > MAX_KEY_BYTES:
        raise BadKey(f"the key has {length} bytes; the limit is {MAX_KEY_BYTES}")


def _unescape(raw: bytes) -> bytes:
    if raw.count(b"%") != len(_ESCAPE.findall(raw)):
        raise BadKey("the key contains a % that is not followed by two hexadecimal digits")
    return _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), raw)
