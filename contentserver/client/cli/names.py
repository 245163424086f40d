"""Keys from the names of this disk, and names of this disk from keys (docs/http.md, Keys).

Neither side is believed: a name may be no possible key, and a key must never name a place outside
the folder that was asked for.
"""

import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

MAX_KEY_BYTES = 512
OWN_FILE = re.compile(r"\.[0-9a-f]{16}(-[0-9a-f]{16})?\.(part|etag)|\.contentctl-.*\.part")
"""Unfinished downloads and probes of ours; a copy upwards leaves them out."""

_COLLECTION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class BadName(ValueError):
    """A name that is no possible key, or a key that is no possible name; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """`key` is empty for a whole collection, and ends with `/` for what lies below it."""

    collection: str
    key: str

    def __str__(self) -> str:
        return f"{self.collection}/{self.key}"


def parse_place(text: str) -> Place:
    """`photos/2026/a.jpg`: the collection up to the first slash, then the key, in NFC.

    Raises BadName. The key is checked as far as it goes: it may be empty or a prefix.
    """
    collection, _, key = text.partition("/")
    if not _COLLECTION.fullmatch(collection):
        raise BadName(
            f"{collection!r} is no collection: 1 to 64 of a-z, 0-9, _ and -, before the first /"
        )
    key = unicodedata.normalize("NFC", key)
    if key.removesuffix("/"):
        check_key(key.removesuffix("/"))
    elif key:
        raise BadName("the key contains an empty segment")
    return Place(collection, key)


def parse_file(text: str) -> Place:
    """The same for exactly one file. Raises BadName."""
    found = parse_place(text)
    if not found.key or found.key.endswith("/"):
        raise BadName(f"{text!r} names no file: collection/key is wanted")
    return found


def check_key(key: str) -> None:
    """Raise BadName unless the server can take `key`, which is in NFC already."""
    if any("\ud800" <= letter <= "\udfff" for letter in key):
        raise BadName("the name is not UTF-8")
    if any(unicodedata.category(letter) == "Cc" for letter in key):
        raise BadName("the name has control characters")
    for segment in key.split("/"):
        if segment in {"", ".", ".."}:
            raise BadName(
                f"the key contains the segment {segment!r}"
                if segment
                else "the key contains an empty segment"
            )
    if (length := len(key.encode())) > MAX_KEY_BYTES:
        raise BadName(f"the key has {length} bytes; the limit is {MAX_KEY_BYTES}")


def key_for(prefix: str, relative: str) -> str:
    """The key of the file at `relative`, a path below the folder. Raises BadName."""
    key = prefix + unicodedata.normalize("NFC", relative.replace(os.sep, "/"))
    check_key(key)
    return key


def path_for(prefix: str, key: str) -> str:
    """Where `key` lies, relative to the folder. Raises BadName for whatever would leave it."""
    if not key.startswith(prefix):
        raise BadName(f"the key does not begin with {prefix!r}")
    rest = key.removeprefix(prefix)
    check_key(rest)
    if os.sep != "/" and any(letter in rest for letter in f"{os.sep}:"):
        raise BadName(f"the key has a {os.sep} or a colon, which mean something else on this disk")
    return rest.replace("/", os.sep)


def check_inside(folder: str, relative: str) -> None:
    """Raise BadName if a symbolic link on the way leads `relative` elsewhere than into `folder`."""
    home = os.path.realpath(folder)
    parent = os.path.dirname(relative)
    if os.path.realpath(os.path.join(home, parent)) != os.path.normpath(os.path.join(home, parent)):
        raise BadName(
            f"{parent!r} is reached through a symbolic link: nothing is written through it"
        )


def find_collisions(paths: Iterable[str], *, ignores_case: bool) -> dict[str, str]:
    """Of names that cannot lie beside each other on this disk, all but one, each with the reason.

    Names that differ in case where the disk `ignores_case`, or in composition only (NFC), are one
    file there; and a name cannot be a file and a folder at once: the file gives way.
    """
    found: dict[str, str] = {}
    seen: dict[str, str] = {}
    folders: set[str] = set()
    ordered = sorted(paths)
    for path in ordered:
        parts = _folded(path, ignores_case).split(os.sep)[:-1]
        folders.update(os.sep.join(parts[: count + 1]) for count in range(len(parts)))
    for path in ordered:
        name = _folded(path, ignores_case)
        if name in folders:
            found[path] = "other keys lie below it, so on this disk it is a folder"
        elif name in seen:
            found[path] = f"on this disk its name is that of {seen[name]!r}"
        else:
            seen[name] = path
    return found


def _folded(path: str, ignores_case: bool) -> str:
    path = unicodedata.normalize("NFC", path)
    return unicodedata.normalize("NFC", path.casefold()) if ignores_case else path
