"""A prefix of a collection into a folder of this disk."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contentserver.client import Client, FileEntry
from contentserver.client.cli.copying import Ledger, Outcome
from contentserver.client.cli.digests import sha256_of
from contentserver.client.cli.display import Told
from contentserver.client.cli.durable import make_folders
from contentserver.client.cli.manifest import Entry
from contentserver.client.cli.names import BadName, check_inside, find_collisions, path_for

PASSES = 5  # at most, over what changed while the list was read


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the list. `relative` is where it lies below the folder here."""

    key: str
    relative: str
    size: int
    sha256: str | None
    version: str


@dataclass(frozen=True, slots=True)
class Unwritable:
    """A key that cannot lie in the folder."""

    key: str
    reason: str


def list_files(
    client: Client, collection: str, prefix: str, folder: str
) -> Iterator[RemoteFile | Unwritable]:
    """All files below the prefix in the order of keys; those that cannot lie on this disk beside
    the others are Unwritable.
    """
    files: list[RemoteFile] = []
    for entry in sorted(_entries(client, collection, prefix), key=lambda entry: entry.key):
        try:
            relative = path_for(prefix, entry.key)
        except BadName as error:
            yield Unwritable(entry.key, str(error))
            continue
        files.append(RemoteFile(entry.key, relative, entry.size, entry.sha256, entry.version))
    colliding = find_collisions(
        (file.relative for file in files), ignores_case=ignores_case(folder)
    )
    for file in files:
        reason = colliding.get(file.relative)
        yield Unwritable(file.key, reason) if reason else file


def ignores_case(folder: str) -> bool:
    """Whether `a` and `A` are one name there; False for a folder that is not there yet."""
    try:
        with tempfile.NamedTemporaryFile(
            prefix=".contentctl-a", suffix=".part", dir=folder
        ) as probe:
            return os.path.exists(os.path.join(folder, os.path.basename(probe.name).upper()))
    except OSError:
        return False


class Downward:
    """Down, as `copying.Copy` asks for it. `clobber`: replace what is there and differs."""

    def __init__(
        self, client: Client, ledger: Ledger, collection: str, folder: str,
        *, clobber: bool = True, checksum: bool = False,
    ) -> None:  # fmt: skip
        self._client, self._ledger = client, ledger
        self._collection, self._folder = collection, folder
        self._clobber, self._checksum = clobber, checksum

    def settle(self, file: RemoteFile) -> Outcome | None:
        """There already, from an earlier run or from elsewhere; or in the way."""
        check_inside(self._folder, file.relative)
        path = self._path(file)
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            return None
        if not os.path.isfile(path) or os.path.islink(path):
            raise BadName("something that is no file has its name here; take it away")
        entry = self._ledger.find(file.key)
        same = entry is not None and (entry.size, entry.mtime_ns) == (
            facts.st_size,
            facts.st_mtime_ns,
        )
        done = same and entry is not None and entry.state == "done" and not self._checksum
        here = entry.sha256 if done and entry else None
        if here is None and facts.st_size == file.size:
            here = sha256_of(path)
        if here is not None and here == file.sha256:
            if not done:
                self._done(file.key, path, here, file.version)
            return Outcome(file.key, "unchanged", file.size, here, file.version)
        if not self._clobber:
            why = "another file is here (--no-clobber)"
            return Outcome(file.key, "skipped", file.size, error=why)
        return None

    def transfer(self, file: RemoteFile, told: Told) -> Outcome:
        """The latest version there is by now: whole, verified and durable, then in the manifest."""
        path = self._path(file)
        make_folders(os.path.dirname(path))
        check_inside(self._folder, file.relative)
        info = self._client.download(self._collection, file.key, Path(path), progress=told)
        digest = info.sha256 or sha256_of(path)
        self._done(file.key, path, digest, info.version)
        return Outcome(file.key, "copied", file.size, digest, info.version)

    def _path(self, file: RemoteFile) -> str:
        return os.path.join(self._folder, file.relative)

    def _done(self, key: str, path: str, sha256: str, version: str | None) -> None:
        facts = os.stat(path)
        self._ledger.add(Entry(key, "done", facts.st_size, sha256, version, facts.st_mtime_ns))


def _entries(client: Client, collection: str, prefix: str) -> Iterable[FileEntry]:
    """What there is when it has been read. The list is in the order of time, newest first: what
    changes meanwhile wanders to its beginning, so that is read again until nothing new is there.
    """
    found: dict[str, FileEntry] = {}
    newest: datetime | None = None
    for _ in range(PASSES):
        since, new = newest, False
        for entry in client.list(collection, prefix):
            newest = max(newest or entry.committed_at, entry.committed_at)
            if since is not None and entry.committed_at < since:
                break
            new = new or found.get(entry.key) != entry
            found[entry.key] = entry
        if not new:
            break
    return found.values()
