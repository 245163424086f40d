"""What lies in a folder here, and which key each file has there."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from contentserver.client.cli.names import OWN_FILE, BadName, key_for


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A regular file. `path` opens it, `relative` is below the folder; sizes in bytes."""

    key: str
    path: str
    relative: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A name that is not copied. `wrong`: it should have been."""

    relative: str
    reason: str
    wrong: bool = True


def scan(folder: str, prefix: str, *, follow: bool) -> Iterator[LocalFile | LeftOut]:
    """Every file below `folder`, in the order of names. Of two names that make the same key the
    first is taken. `follow`: symbolic links, too.
    """
    keys: dict[str, str] = {}
    for found in _walk(folder, "", follow, ()):
        if isinstance(found, LeftOut):
            yield found
            continue
        relative, path, facts = found
        try:
            key = key_for(prefix, relative)
        except BadName as error:
            yield LeftOut(relative, str(error))
            continue
        if key in keys:
            yield LeftOut(relative, f"its key in NFC is that of {keys[key]!r}")
            continue
        keys[key] = relative
        yield LocalFile(key, path, relative, facts.st_size, facts.st_mtime_ns)


_Found = tuple[str, str, os.stat_result] | LeftOut


def _walk(
    folder: str, below: str, follow: bool, above: tuple[tuple[int, int], ...]
) -> Iterator[_Found]:
    """`above`: the folders this one lies in, so that links cannot lead in a circle."""
    try:
        facts = os.stat(folder)
        with os.scandir(folder) as entries:
            names = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield LeftOut(below or ".", f"cannot be read: {error.strerror}")
        return
    here = (facts.st_dev, facts.st_ino)
    if here in above:
        yield LeftOut(below, "a symbolic link to a folder that it lies in", wrong=False)
        return
    for entry in names:
        yield from _look_at(entry, os.path.join(below, entry.name), follow, (*above, here))


def _look_at(
    entry: "os.DirEntry[str]", relative: str, follow: bool, above: tuple[tuple[int, int], ...]
) -> Iterator[_Found]:
    if entry.is_symlink() and not follow:
        yield LeftOut(
            relative, "a symbolic link (--follow-links copies what it leads to)", wrong=False
        )
        return
    try:
        facts = entry.stat()
    except OSError as error:
        yield LeftOut(relative, f"cannot be read: {error.strerror}")
        return
    if stat.S_ISDIR(facts.st_mode):
        yield from _walk(entry.path, relative, follow, above)
    elif not stat.S_ISREG(facts.st_mode):
        yield LeftOut(relative, "neither a file nor a folder", wrong=False)
    elif not OWN_FILE.fullmatch(entry.name):
        yield relative, entry.path, facts
