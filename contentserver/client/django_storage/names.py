"""Names of Django's files and keys of the server: one is the other behind a prefix.

A key is 1 to 512 bytes of UTF-8 in normalisation form C, no control characters, no segment that is
empty, `.` or `..` (docs/http.md).
"""

import posixpath
import re
import unicodedata
from collections.abc import Callable
from typing import Final

from django.core.exceptions import SuspiciousFileOperation

MAX_KEY_BYTES: Final = 512
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def composed(name: object) -> str:
    """In normalisation form C, with forward slashes: what a Mac and Windows send, made alike."""
    return unicodedata.normalize("NFC", str(name)).replace("\\", "/")


def clean(name: object) -> str:
    """The one spelling of a name, under which it is saved and found.

    Raises SuspiciousFileOperation for one that no file can have.
    """
    given = composed(name)
    cleaned = posixpath.normpath(given)
    if not given or cleaned == "." or given.endswith("/"):
        raise SuspiciousFileOperation(f"{given!r} names no file")
    if cleaned.startswith("/") or cleaned.split("/", 1)[0] == "..":
        raise SuspiciousFileOperation(f"{given!r} leads out of the storage; give a relative name")
    if _CONTROL.search(cleaned) or any("\ud800" <= letter <= "\udfff" for letter in cleaned):
        raise SuspiciousFileOperation(f"{given!r} contains a control character")
    return cleaned


def folder(path: object) -> str:
    """A folder's name with a slash at its end, empty for the outermost. Raises as `clean`."""
    given = composed(path).strip("/")
    return "" if given in {"", "."} else clean(given) + "/"


def key_of(prefix: str, name: object) -> str:
    """Raises SuspiciousFileOperation for a name that no key can stand for."""
    key = prefix + clean(name)
    if len(key.encode()) > MAX_KEY_BYTES:
        raise SuspiciousFileOperation(
            f"with its prefix the name has more than {MAX_KEY_BYTES} bytes: {key!r}"
        )
    return key


def split(name: str) -> tuple[str, str, str]:
    """Folder, root and all extensions, as Django splits names."""
    directory, last = posixpath.split(name)
    _, *suffixes = last.lstrip(".").split(".")
    extension = "".join(f".{suffix}" for suffix in suffixes)
    return directory, last.removesuffix(extension), extension


def shortened(root: str, make: Callable[[str], str], fits: Callable[[str], bool]) -> str:
    """`make` of as much of `root` as fits. Raises SuspiciousFileOperation if nothing does."""
    for length in range(len(root), 0, -1):
        if fits(name := make(root[:length])):
            return name
    raise SuspiciousFileOperation(
        f"no name as short as the field's max_length is left for {make(root)!r}; give it more"
    )
