"""Content-Disposition (RFC 6266, RFC 8187): safe whatever the stored name is; read from uploads."""

import re
import unicodedata
from typing import Literal
from urllib.parse import quote, unquote_to_bytes

MAX_FILENAME_BYTES = 255

# Needs neither sanitising nor filename*: no quote, backslash, slash or percent, and no dot or space
# at an end.
_SAFE = r"!#$&'()+,;=@^_`{}~0-9A-Za-z\[\]-"
_PLAIN = re.compile(rf"[{_SAFE}](?:[ .{_SAFE}]{{0,120}}[{_SAFE}])?")
_ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187, 3.2.1, besides letters and digits
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105
_QUOTED = r'"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*)"'
_KIND = re.compile(rf"[ \t]*{_TOKEN}[ \t]*")
_PARAMETER = re.compile(rf"[ \t]*;[ \t]*(?:({_TOKEN})[ \t]*=[ \t]*(?:{_QUOTED}|({_TOKEN}))[ \t]*)?")
_EXTENDED = re.compile(r"(?i:UTF-8|ISO-8859-1)'[^']*'(?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-Fa-f]{2})*")


class BadDisposition(ValueError):
    """A Content-Disposition that cannot be read; the text is fit for the client."""


def content_disposition(kind: Literal["attachment", "inline"], filename: str | None) -> str:
    """Return the value of Content-Disposition: ASCII only, safe in a header, for any `filename`."""
    if not filename:
        return kind
    if _PLAIN.fullmatch(filename):
        return f'{kind}; filename="{filename}"'
    name = sanitise_filename(filename)
    if not name:
        return kind
    fallback = re.sub(r'[^\x20-\x7e]|["%\\]', "_", unicodedata.normalize("NFC", name))
    if fallback == name:
        return f'{kind}; filename="{name}"'
    return f"{kind}; filename=\"{fallback}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHAR)}"


def sanitise_filename(name: str) -> str:
    """Return a name of at most 255 bytes that is no path and hides nothing; "" if nothing is left.

    Removed: control, format (U+202E and its kin), surrogate and line-separating characters, spaces
    and dots at the ends. Slashes of both kinds become `_`. A name too long is cut before its
    extension.
    """
    kept = "".join(
        character for character in name if unicodedata.category(character) not in _UNSAFE
    )
    kept = kept.replace("/", "_").replace("\\", "_").strip(" .")
    return _cut(kept)


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def _cut(name: str) -> str:
    if len(name.encode("utf-8")) <= MAX_FILENAME_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    tail = (dot + extension).encode("utf-8")
    if not stem or len(tail) > 32:
        stem, tail = name, b""
    head = stem.encode("utf-8")[: MAX_FILENAME_BYTES - len(tail)]
    return head.decode("utf-8", "ignore").rstrip(" .") + tail.decode("utf-8")


def parse_filename(value: str | None) -> str | None:
    """Return the file name that a request's Content-Disposition carries; None when it carries none.

    `filename*` is preferred (RFC 6266, 4.3). A plain `filename` in bytes of UTF-8 is read as UTF-8.
    The name comes as sent: `sanitise_filename` is for the way out. Raises BadDisposition.
    """
    if value is None:
        return None
    parameters = _parameters(value)
    if (extended := parameters.get("filename*")) is not None:
        return _decode_extended(extended) or None
    name = parameters.get("filename")
    return _utf8_of(name) if name else None


def _parameters(value: str) -> dict[str, str]:
    start = _KIND.match(value)
    if start is None:
        raise BadDisposition("Content-Disposition begins with no type, for example attachment")
    parameters: dict[str, str] = {}
    position = start.end()
    while position < len(value):
        found = _PARAMETER.match(value, position)
        if found is None:
            raise BadDisposition("Content-Disposition is not a type with ; name=value parameters")
        position = found.end()
        if found[1]:
            _keep(parameters, found[1].lower(), found[2], found[3])
    return parameters


def _keep(parameters: dict[str, str], name: str, quoted: str | None, token: str | None) -> None:
    if name in parameters:
        raise BadDisposition(f"Content-Disposition names {name} twice")
    parameters[name] = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token or ""


def _decode_extended(value: str) -> str:
    if _EXTENDED.fullmatch(value) is None:
        raise BadDisposition("filename* is not UTF-8''percent-encoded")
    charset, _, rest = value.partition("'")
    try:
        return unquote_to_bytes(rest.partition("'")[2]).decode(charset)
    except UnicodeDecodeError:
        raise BadDisposition(f"filename* is not {charset}") from None


def _utf8_of(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
