"""Which versions of a file there are: the search that every read begins with.

The numbers of an address in a year are contiguous from 1. So the latest lies in the newest year
that has `.1`; `.2` is asked next, and only where both exist the folder is listed. From the
directory cache alone, a few more numbers are asked one by one instead of listing.
"""

import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

from contentserver.store import fileops
from contentserver.store.address import Version, folder_path, slot_path
from contentserver.store.environment import Environment
from contentserver.store.roots import Root

logger = logging.getLogger(__name__)

_ASKED_ONE_BY_ONE = 8
"""Versions in one year up to which the latest is found without listing the folder."""

_OPEN, _SETTLED = "open", frozenset({"importing", "sealed", "moving"})


class Slot(NamedTuple):
    """A version in its place, open for reading: `fd` is the taker's to close."""

    fd: int
    root: Root
    version: Version


class Versions:
    """The search, over the places that the layout names."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def find_latest(
        self, address: bytes, *, as_of: int | None = None, cached_only: bool = False
    ) -> Slot | None:
        """The latest version, of the years up to `as_of` if given.

        Raises RootMissing or Unavailable rather than call a file absent that may be there, and
        WouldBlock with `cached_only`.
        """
        climb = self._climb_cached if cached_only else self._climb
        for year in self._environment.layout().iter_years(as_of):
            slot = self._find_in_year(address, year, climb, cached_only=cached_only)
            if slot is not None:
                return slot
        return None

    def find_exactly(
        self, address: bytes, version: Version, *, cached_only: bool = False
    ) -> Slot | None:
        """This one version; raises as `find_latest`."""
        path = slot_path(version.year, address, version.number)
        for root in self._iter_roots(version.year, cached_only=cached_only):
            fd = _open(root.fd, path, cached_only=cached_only)
            if fd is not None:
                return Slot(fd, root, version)
        return None

    def list_versions(self, address: bytes) -> list[Version]:
        """All versions, oldest first."""
        found = {
            Version(year, number)
            for year in self._environment.layout().iter_years()
            for root in self._iter_roots(year)
            for number in self._numbers(root, year, address)
        }
        return sorted(found)

    def _find_in_year(
        self,
        address: bytes,
        year: int,
        climb: Callable[[Root, int, bytes], Slot | None],
        *,
        cached_only: bool,
    ) -> Slot | None:
        """While a year is moved one copy may lack what the other has: the highest answers."""
        best: Slot | None = None
        for root in self._iter_roots(year, cached_only=cached_only):
            slot = climb(root, year, address)
            if slot is None:
                continue
            if best is None or best.version < slot.version:
                best, slot = slot, best
            if slot is not None:
                fileops.close(slot.fd)
        return best

    def _iter_roots(self, year: int, *, cached_only: bool = False) -> Iterator[Root]:
        environment = self._environment
        for place in environment.layout().places(year):
            root = environment.roots.get(place.root)
            if place.state in _SETTLED:
                root.check_year(year, cached_only=cached_only)
            yield root

    def _climb(self, root: Root, year: int, address: bytes) -> Slot | None:
        fd = fileops.find_file(root.fd, slot_path(year, address, 1))
        if fd is None:
            return None
        if not fileops.is_there(root.fd, slot_path(year, address, 2)):
            return Slot(fd, root, Version(year, 1))
        fileops.close(fd)
        number = self._numbers(root, year, address)[-1]
        for asked in range(2, min(number + 1, _ASKED_ONE_BY_ONE) + 1):
            # So that the next search of this file finds every answer in the directory cache.
            fileops.is_there(root.fd, slot_path(year, address, asked))
        fd = fileops.find_file(root.fd, slot_path(year, address, number))
        return None if fd is None else Slot(fd, root, Version(year, number))

    def _climb_cached(self, root: Root, year: int, address: bytes) -> Slot | None:
        stem = slot_path(year, address, 1)[:-1].encode()
        latest: int | None = None
        for number in range(1, _ASKED_ONE_BY_ONE + 1):
            try:
                higher = fileops.find_file_cached(root.fd, b"%b%d" % (stem, number))
            except fileops.WouldBlock:
                _close(latest)
                raise
            if higher is None:
                return None if latest is None else Slot(latest, root, Version(year, number - 1))
            _close(latest)
            latest = higher
        _close(latest)
        raise fileops.WouldBlock

    def _numbers(self, root: Root, year: int, address: bytes) -> list[int]:
        """The numbers of an address in a year, from its folder; a gap is an alarm."""
        stem = address.hex() + "."
        numbers = sorted(
            int(name[len(stem) :])
            for name in fileops.list_dir(root.fd, folder_path(year, address))
            if name.startswith(stem) and name[len(stem) :].isdecimal()
        )
        if numbers and numbers[-1] != len(numbers):
            logger.error(
                "versions of %s in %d on %s have a gap: %s", stem[:-1], year, root.name, numbers
            )
        return numbers


def _close(fd: int | None) -> None:
    if fd is not None:
        fileops.close(fd)


def _open(dir_fd: int, path: str, *, cached_only: bool) -> int | None:
    if cached_only:
        return fileops.find_file_cached(dir_fd, path.encode())
    return fileops.find_file(dir_fd, path)
