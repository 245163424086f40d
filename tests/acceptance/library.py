"""The files that are stored: everything below a folder that can have an address."""

import mimetypes
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

KEY_LIMIT = 512


@dataclass(frozen=True, slots=True)
class Source:
    """A file on disk and the key it is stored under: its path below the folder."""

    path: Path
    key: str

    @property
    def address(self) -> str:
        """The key as it stands in a URL."""
        return quote(self.key, safe="/")

    @property
    def media_type(self) -> str:
        return mimetypes.guess_type(self.key)[0] or "application/octet-stream"


@dataclass(slots=True)
class Library:
    """What was found below a folder. Nothing is left out without a word: `skipped` says what, why.

    Links to files are stored as the file they lead to; links to folders are not followed, because
    what they lead to is either below the folder anyway or not part of it.
    """

    folder: Path
    sources: list[Source] = field(default_factory=list)
    through_links: int = 0
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def scan(cls, folder: Path) -> "Library":
        library = cls(folder)
        for path in _iter_files(folder, library.skipped):
            key = str(path.relative_to(folder))
            reason = why_not(path, key)
            if reason:
                library.skipped[key] = reason
                continue
            library.through_links += path.is_symlink()
            library.sources.append(Source(path, key))
        library.sources.sort(key=lambda source: source.key)
        return library


def _iter_files(folder: Path, skipped: dict[str, str]) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        for name in folders:
            path = Path(root, name)
            if path.is_symlink():
                skipped[str(path.relative_to(folder))] = "a link to a folder"
        yield from (Path(root, name) for name in files)


def why_not(path: Path, key: str) -> str | None:
    """Why a file cannot be stored under its own path (docs/http.md, Keys), or None."""
    if path.is_symlink() and not path.exists():
        return "a link to nothing"
    if not path.is_file():
        return "not a regular file"
    if not os.access(path, os.R_OK):
        return "not readable for this user"
    return _why_no_key(key)


def _why_no_key(key: str) -> str | None:
    # os.walk gives bytes that are no UTF-8 as lone surrogates.
    if any("\ud800" <= character <= "\udfff" for character in key):
        return "its name is not UTF-8"
    if len(key.encode()) > KEY_LIMIT:
        return f"its path has more than {KEY_LIMIT} bytes"
    if not unicodedata.is_normalized("NFC", key):
        return "its name is not NFC"
    if any(unicodedata.category(character) == "Cc" for character in key):
        return "its name has control characters"
    return None
