"""Every version on disk, in the order of the folders: what the catalog is made again from."""

import re
from collections.abc import Iterator

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
    environment: Environment, year: int | None = None
) -> Iterator[VersionInfo | Unreadable]:
    """Every version (of a year), oldest year first. Raises RootMissing, Unavailable.

    One folder is in memory at a time. While a year is moved, a version on both roots comes once.
    """
    years = sorted(environment.layout().iter_years()) if year is None else [year]
    for each in years:
        before: list[Root] = []
        for root, place in environment.roots.places(environment.layout().places(each)):
            if place.state != "open":
                root.check_year(each)
            for address, number in _iter_slots(root, each):
                path = slot_path(each, address, number)
                if not any(fileops.is_there(other.fd, path) for other in before):
                    yield describe(environment, root, path, address, Version(each, number))
            before.append(root)


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


def _iter_slots(root: Root, year: int) -> Iterator[tuple[bytes, int]]:
    for first in _folders(root, str(year)):
        for second in _folders(root, f"{year}/{first}"):
            names = fileops.list_dir(root.fd, f"{year}/{first}/{second}")
            found = [match for name in names if (match := _SLOT.fullmatch(name))]
            yield from sorted((bytes.fromhex(match[1]), int(match[2])) for match in found)


def _folders(root: Root, path: str) -> list[str]:
    return [name for name in fileops.list_dir(root.fd, path) if _FOLDER.fullmatch(name)]
