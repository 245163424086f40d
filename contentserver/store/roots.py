"""Storage roots: directories that say who they are, opened once, everything under them by
descriptor.

```
root.json                  {"format": "skold-root-1", "id": uuid, "name": "root-1", "created": RFC
3339 UTC} staging/                   uploads outbox/new/<UTC minute>/   links to new versions
2025/ab/cd/                the versions of a year ``` A root that is not there is `RootMissing`,
never an absent file: an empty mount point must not look like an empty store.
"""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from contentserver.store import fileops
from contentserver.store.errors import RootMissing, Unavailable
from contentserver.store.layout import Place

FORMAT = "skold-root-1"
_FRESH = 1.0
"""Seconds for which a directory of a year, once seen, is taken to be there."""


@dataclass(slots=True)
class Root:
    """One storage root. `fd` leads to everything in it; `device` is its file system."""

    path: Path
    name: str
    id: UUID
    fd: int
    staging_fd: int
    device: int
    _years_seen: dict[int, float] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> "Root":
        """Open a root that `create_root` made. Raises RootMissing, naming the path, if there is
        none.
        """
        try:
            fd = fileops.open_root(path)
        except OSError as error:
            raise RootMissing(str(path)) from error
        try:
            facts = _identity(fileops.read_json(fd, "root.json"), path)
            staging_fd = fileops.make_dirs_durably(fd, "staging")
        except BaseException:
            fileops.close(fd)
            raise
        return cls(
            path, facts["name"], UUID(facts["id"]), fd, staging_fd, fileops.facts_of(fd).device
        )

    def check_year(self, year: int, *, cached_only: bool = False) -> None:
        """Raise Unavailable if the directory of a year that takes no commits is not on this root.

        Looks once a second at most; raises WouldBlock with `cached_only`.
        """
        now = time.monotonic()
        if now - self._years_seen.get(year, -_FRESH) < _FRESH:
            return
        there = (
            fileops.is_there_cached(self.fd, b"%d" % year)
            if cached_only
            else fileops.is_there(self.fd, str(year))
        )
        if not there:
            raise Unavailable(
                f"the year {year} is not on the root {self.name}; restore it, or correct the layout"
            )
        self._years_seen[year] = now

    def close(self) -> None:
        fileops.close(self.staging_fd)
        fileops.close(self.fd)


def _identity(facts: Any, path: Path) -> dict[str, str]:
    if facts is None:
        raise RootMissing(str(path))
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise Unavailable(f"{path}/root.json is not of the format {FORMAT}")
    return facts


def create_root(path: Path, name: str) -> None:
    """Make the directory a storage root called `name`, durably. Raises FileExistsError if it is
    one.
    """
    path.mkdir(mode=0o750, parents=True, exist_ok=True)
    fd = fileops.open_root(path)
    try:
        if fileops.is_there(fd, "root.json"):
            raise FileExistsError(f"{path} is a storage root already")
        for folder in ("staging", "outbox/new"):
            fileops.close(fileops.make_dirs_durably(fd, folder))
        identity = {
            "format": FORMAT,
            "id": str(uuid4()),
            "name": name,
            "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        fileops.replace_durably(fd, "root.json", json.dumps(identity).encode(), 0o640)
    finally:
        fileops.close(fd)


class Roots:
    """The configured roots of this machine. One that was not there at the start is tried again."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._missing = {path: f"{path} was not opened yet" for path in paths}
        self._order = tuple(self._missing)
        self._open: dict[str, Root] = {}
        self._tried = -_FRESH
        self._lock = threading.Lock()
        self._retry()

    def get(self, name: str) -> Root:
        """The root of this name. Raises RootMissing."""
        root = self._open.get(name)
        if root is not None:
            return root
        self._retry()
        if name not in self._open:
            raise RootMissing(name)
        return self._open[name]

    def first(self) -> Root:
        """The root configured first: it holds the address locks. Raises RootMissing."""
        self._retry()
        for root in self._open.values():
            if root.path == self._order[0]:
                return root
        raise RootMissing(str(self._order[0]))

    def iter_open(self) -> Iterator[Root]:
        """Every root that is there."""
        self._retry()
        yield from list(self._open.values())

    def missing(self) -> dict[Path, str]:
        """Configured roots that are not there, and why."""
        self._retry()
        return dict(self._missing)

    def places(self, places: Iterable[Place]) -> list[tuple[Root, Place]]:
        """The roots of a year's places. Raises RootMissing if one is not there: the other may be
        incomplete.
        """
        return [(self.get(place.root), place) for place in places]

    def close(self) -> None:
        for root in self._open.values():
            root.close()
        self._open.clear()

    def _retry(self) -> None:
        if not self._missing or time.monotonic() - self._tried < _FRESH:
            return
        with self._lock:
            self._tried = time.monotonic()
            for path in list(self._missing):
                self._try(path)

    def _try(self, path: Path) -> None:
        try:
            root = Root.open(path)
        except (OSError, ValueError, KeyError, RootMissing, Unavailable) as error:
            self._missing[path] = str(error)
            return
        if root.name in self._open:
            self._missing[path] = f"{path} and {self._open[root.name].path} have the same name"
            root.close()
            return
        del self._missing[path]
        self._open[root.name] = root
