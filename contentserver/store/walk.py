"""Every version on disk, in the order of the folders: what the catalog is made again from."""

import re
from collections.abc import Iterator
from contextlib import suppress
from heapq import merge
from itertools import groupby

from contentserver.store import fileops
from contentserver.store.address import Version, slot_path
from contentserver.store.environment import Environment
from contentserver.store.errors import Corrupt, Erased, KeyMissing, NotStored
from contentserver.store.outbox import Entry
from contentserver.store.results import Unreadable, VersionInfo
from contentserver.store.roots import Root
from contentserver.store.stored_file import open_stored

_FOLDER = re.compile(r"[0-9a-f]{2}")
_SLOT = re.compile(r"([0-9a-f]{32})\.([1-9][0-9]{0,9})")


def iter_stored(
    environment: Environment, year: int | None = None, after: bytes = b""
) -> Iterator[VersionInfo | Unreadable]:
    """Every version (of a year) with an address behind `after`: oldest year first, then by address
    and number. Raises RootMissing, Unavailable.

    One folder is in memory at a time. While a year is moved, a version on both roots comes once.
    """
    years = sorted(environment.layout().iter_years()) if year is None else [year]
    for each in years:
        roots = _roots(environment, each)
        slots = merge(*(_iter_slots(root, each, after) for root in roots))
        for (address, number), _ in groupby(slots):
            version = Version(each, number)
            yield _describe_on_any(environment, roots, address, version)


def _roots(environment: Environment, year: int) -> list[Root]:
    roots = []
    for place in environment.layout().places(year):
        root = environment.roots.get(place.root)
        if place.state != "open":
            root.check_year(year)
        roots.append(root)
    return roots


def _describe_on_any(
    environment: Environment, roots: list[Root], address: bytes, version: Version
) -> VersionInfo | Unreadable:
    """While a year is moved, either copy that opens answers."""
    path = slot_path(version.year, address, version.number)
    found: VersionInfo | Unreadable | None = None
    for root in roots:
        with suppress(NotStored):
            found = describe(environment, root, path, address, version)
            if isinstance(found, VersionInfo):
                return found
    if found is None:
        raise NotStored(f"version {version} of {address.hex()} vanished while the year was walked")
    return found


def describe_entry(environment: Environment, entry: Entry) -> VersionInfo | Unreadable:
    """The version that an outbox entry is a link to. Raises NotStored if the entry is gone."""
    root = environment.roots.get(entry.root)
    return describe(environment, root, entry.path, entry.address, entry.version)


def describe(
    environment: Environment, root: Root, path: str, address: bytes, version: Version
) -> VersionInfo | Unreadable:
    """The facts of the version that lies at `path` below a root. Raises NotStored if none does."""
    fd = fileops.find_file(root.fd, path)
    if fd is None:
        raise NotStored
    try:
        with open_stored(environment, fd, root.name, address, version) as stored:
            return stored.info()
    except (Corrupt, Erased, KeyMissing) as error:
        return Unreadable(version, address, root.name, error)


def _iter_slots(root: Root, year: int, after: bytes) -> Iterator[tuple[bytes, int]]:
    """Address and number of every version of a year on a root, ascending, behind `after`."""
    least = after.hex()
    for first in _folders(root, str(year), least[:2]):
        behind = least[2:4] if first == least[:2] else ""
        for second in _folders(root, f"{year}/{first}", behind):
            names = fileops.list_dir(root.fd, f"{year}/{first}/{second}")
            found = [match for name in names if (match := _SLOT.fullmatch(name))]
            slots = sorted((bytes.fromhex(match[1]), int(match[2])) for match in found)
            yield from (slot for slot in slots if slot[0] > after)


def _folders(root: Root, path: str, least: str) -> list[str]:
    names = fileops.list_dir(root.fd, path)
    return [name for name in names if name >= least and _FOLDER.fullmatch(name)]
