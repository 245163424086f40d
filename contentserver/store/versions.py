"""Which versions of a file there are: the search that every read begins with.

The numbers of an address in a year are contiguous from 1. So the latest lies in the newest year
that has `.1`; `.2` is asked next, and only where both exist the folder is listed. From the
directory cache alone, a few more numbers are asked one by one instead of listing.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from contentserver.store import fileops
from contentserver.store.address import Version
from contentserver.store.environment import Environment
from contentserver.store.layout import Layout
from contentserver.store.roots import Root

logger = logging.getLogger(__name__)

_ASKED_ONE_BY_ONE = 8
"""Versions in one year up to which the latest is found without listing the folder."""


class Slot(NamedTuple):
    """A version in its place, open for reading: `fd` is the taker's to close."""

    fd: int
    root: Root
    version: Version


class Year(NamedTuple):
    """A year as the search needs it: where to look, and whether its folder has to be there."""

    number: int
    places: tuple[tuple[str, bool], ...]


class Versions:
    """The search, over the places that the layout names."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._plan: tuple[Layout | None, dict[int, Year]] = (None, {})

    def find_latest(
        self, address: bytes, *, as_of: int | None = None, cached_only: bool = False
    ) -> Slot | None:
        """The latest version, of the years up to `as_of` if given.

        Raises RootMissing or Unavailable rather than call a file absent that may be there, and
        WouldBlock with `cached_only`.
        """
        stem = _stem(address)
        climb = self._climb_cached if cached_only else self._climb
        for year in self._years().values():
            if as_of is not None and year.number > as_of:
                continue
            roots = self._roots(year, cached_only=cached_only)
            slot = climb(roots[0], year.number, stem) if roots else None
            for root in roots[1:]:
                slot = _higher(slot, partial(climb, root, year.number, stem))
            if slot is not None:
                return slot
        return None

    def find_exactly(
        self, address: bytes, version: Version, *, cached_only: bool = False
    ) -> Slot | None:
        """This one version; raises as `find_latest`."""
        year = self._years().get(version.year)
        if year is None:
            return None
        path = f"{version.year}{_stem(address)}{version.number}"
        for root in self._roots(year, cached_only=cached_only):
            fd = _open(root.fd, path, cached_only=cached_only)
            if fd is not None:
                return Slot(fd, root, version)
        return None

    def list_versions(self, address: bytes) -> list[Version]:
        """All versions, oldest first."""
        found = {
            Version(year.number, number)
            for year in self._years().values()
            for root in self._roots(year)
            for number in _numbers(root, year.number, address.hex())
        }
        return sorted(found)

    def _years(self) -> dict[int, Year]:
        """The years of the layout, newest first."""
        layout = self._environment.layout()
        planned, years = self._plan  # one tuple: threads never see one layout with another's years
        if layout is not planned:
            years = {number: _year(layout, number) for number in layout.iter_years()}
            self._plan = (layout, years)
        return years

    def _roots(self, year: Year, *, cached_only: bool = False) -> list[Root]:
        roots = []
        for name, settled in year.places:
            root = self._environment.roots.get(name)
            if settled:
                root.check_year(year.number, cached_only=cached_only)
            roots.append(root)
        return roots

    def _climb(self, root: Root, year: int, stem: str) -> Slot | None:
        path = f"{year}{stem}"
        fd = fileops.find_file(root.fd, path + "1")
        if fd is None:
            return None
        if not fileops.is_there(root.fd, path + "2"):
            return Slot(fd, root, Version(year, 1))
        fileops.close(fd)
        number = _numbers(root, year, stem[7:-1])[-1]
        for asked in range(2, min(number + 1, _ASKED_ONE_BY_ONE) + 1):
            # So that the next search of this file finds every answer in the directory cache.
            fileops.is_there(root.fd, f"{path}{asked}")
        fd = fileops.find_file(root.fd, f"{path}{number}")
        return None if fd is None else Slot(fd, root, Version(year, number))

    def _climb_cached(self, root: Root, year: int, stem: str) -> Slot | None:
        path = f"{year}{stem}"
        latest: int | None = None
        for number in range(1, _ASKED_ONE_BY_ONE + 1):
            try:
                higher = fileops.find_file_cached(root.fd, f"{path}{number}".encode())
            except fileops.WouldBlock:
                _close(latest)
                raise
            if higher is None:
                return None if latest is None else Slot(latest, root, Version(year, number - 1))
            _close(latest)
            latest = higher
        _close(latest)
        raise fileops.WouldBlock


def _year(layout: Layout, number: int) -> Year:
    return Year(number, tuple((one.root, one.state != "open") for one in layout.places(number)))


def _stem(address: bytes) -> str:
    """A slot's path without its year and number: `/ab/cd/<address>.`"""
    name = address.hex()
    return f"/{name[:2]}/{name[2:4]}/{name}."


def _higher(one: Slot | None, find_other: Callable[[], Slot | None]) -> Slot | None:
    """While a year is moved one copy may lack what the other has."""
    try:
        other = find_other()
    except BaseException:
        _close(one and one.fd)
        raise
    if one is None or other is None:
        return one or other
    kept, left = (one, other) if one.version >= other.version else (other, one)
    fileops.close(left.fd)
    return kept


def _numbers(root: Root, year: int, name: str) -> list[int]:
    """The numbers of an address (in hex) in a year, from its folder; a gap is an alarm."""
    stem = name + "."
    numbers = sorted(
        int(found[len(stem) :])
        for found in fileops.list_dir(root.fd, f"{year}/{name[:2]}/{name[2:4]}")
        if found.startswith(stem) and found[len(stem) :].isdecimal()
    )
    if numbers and numbers[-1] != len(numbers):
        logger.error("versions of %s in %d on %s have a gap: %s", name, year, root.name, numbers)
    return numbers


def _close(fd: int | None) -> None:
    if fd is not None:
        fileops.close(fd)


def _open(dir_fd: int, path: str, *, cached_only: bool) -> int | None:
    if cached_only:
        return fileops.find_file_cached(dir_fd, path.encode())
    return fileops.find_file(dir_fd, path)
