"""Refuses files that are not what they are declared to be, by their first bytes.

A type is what a client says, and later what others go by. So the rules refuse what cannot be an
honest mistake of ours, and let everything else pass:

1. A type that has an unmistakable beginning (`FAMILIES`) must have it.
2. What begins as one of these families is not declared as text.
3. A program (ELF, Windows, macOS) is declared as one.
4. A page that a browser would run (HTML, SVG) is declared as text or XML.

Where no type is declared, or application/octet-stream, nothing is claimed and nothing refused.
"""

from collections.abc import Iterable
from typing import NamedTuple

import puremagic

from contentserver.protocol.media_types import essence
from contentserver.store.errors import Refused
from contentserver.store.metadata import Metadata

HEAD = 4096
"""Bytes looked at; the signatures that lie further on are of none of these families."""

UNKNOWN = frozenset({"", "application/octet-stream", "binary/octet-stream"})
PROGRAMS = frozenset(
    {
        "application/x-executable", "application/x-elf", "application/x-sharedlib",
        "application/x-pie-executable", "application/x-dosexec", "application/x-msdownload",
        "application/x-msdos-program", "application/vnd.microsoft.portable-executable",
        "application/x-mach-binary",
    }
)  # fmt: skip
_MACHO = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
_PAGES = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<iframe", b"<svg")
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."


class Family(NamedTuple):
    """Types that share a beginning. `found`: what puremagic calls it; `least`: the bytes that a
    signature of it must have to count.
    """

    name: str
    declared: tuple[str, ...]
    found: tuple[str, ...]
    least: int = 3


FAMILIES = (
    Family("JPEG", ("image/jpeg", "image/jpg", "image/pjpeg"), ("image/jpeg",)),
    Family("PNG", ("image/png", "image/x-png"), ("image/png",)),
    Family("GIF", ("image/gif",), ("image/gif",)),
    Family("WebP", ("image/webp",), ("image/webp",), 5),  # every RIFF is one by its first four
    Family("TIFF", ("image/tiff",), ("image/tiff",)),
    Family("BMP", ("image/bmp", "image/x-ms-bmp"), ("image/x-ms-bmp", "image/bmp"), 2),
    Family("PDF", ("application/pdf", "application/x-pdf"), ("application/pdf",)),
    Family(
        "ZIP",
        ("application/zip", "application/x-zip-compressed", "application/epub+zip", _OPEN),
        ("application/zip",),
    ),
    # With a password it is an OLE container instead.
    Family("Office Open XML", (_OFFICE,), ("application/zip", "application/x-ole-storage")),
    Family("gzip", ("application/gzip", "application/x-gzip"), ("application/x-gzip",)),
)
_PLAIN = frozenset({"BMP", "Office Open XML"})
"""Families whose signature text may have too, or that another one stands for."""


def check(metadata: Metadata, data: Iterable[bytes]) -> None:
    """Raises Refused, naming what was declared and what was found."""
    declared = essence(metadata.media_type or "")
    if declared in UNKNOWN:
        return
    reason = find_mismatch(declared, _head_of(data))
    if reason is not None:
        raise Refused(f"the file is declared as {declared}, but {reason}")


def find_mismatch(declared: str, head: bytes) -> str | None:
    """What speaks against the type, for the first bytes of a file; None if nothing does.

    Readers of PDF look for its beginning in the first 1024 bytes, so that is one too.
    """
    found = _families_of(head)
    wanted = next((family for family in FAMILIES if _is_of(declared, family)), None)
    if wanted is not None:
        begins = wanted.name in found or (wanted.name == "PDF" and b"%PDF-" in head[:1024])
        return None if begins else f"does not begin as {wanted.name}"
    if _is_program(head) and declared not in PROGRAMS:
        return "is a program"
    if _is_textual(declared):
        other = min(found - _PLAIN, default=None)
        return None if other is None else f"begins as {other}"
    return "is a page for browsers" if _is_page(head) else None


def _families_of(head: bytes) -> set[str]:
    try:
        matches = puremagic.magic_string(head) if head else []
    except puremagic.PureError:
        matches = []
    return {
        family.name
        for match in matches
        for family in FAMILIES
        if match.offset >= 0  # a signature of a file's end has no place in its first bytes
        and match.mime_type in family.found
        and len(match.byte_match) >= family.least
    }


def _is_of(declared: str, family: Family) -> bool:
    return any(
        declared == name or (name.endswith(".") and declared.startswith(name))
        for name in family.declared
    )


def _is_program(head: bytes) -> bool:
    windows = head[:2] == b"MZ" and b"\0" in head[:64]
    return windows or head[:4] == b"\x7fELF" or head[:4] in _MACHO


def _is_page(head: bytes) -> bool:
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower().startswith(_PAGES)


def _is_textual(declared: str) -> bool:
    return declared.startswith("text/") or declared.endswith(("xml", "json"))


def _head_of(data: Iterable[bytes]) -> bytes:
    head = b""
    for piece in data:
        head += piece[: HEAD - len(head)]
        if len(head) >= HEAD:
            break
    return head
