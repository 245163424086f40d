"""A folder of this disk into a prefix of a collection."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from contentserver.client import Client, Head, Stored, Upload, errors
from contentserver.client.cli.copying import Ledger, Outcome
from contentserver.client.cli.digests import sha256_of
from contentserver.client.cli.display import Told
from contentserver.client.cli.manifest import Entry
from contentserver.client.cli.media_types import media_type_of
from contentserver.client.cli.scanning import LocalFile

HEADS = 100  # keys of one request (docs/http.md)
STAGED_FROM = 16 << 20  # bytes; a longer file goes up in parts and is taken up again after a stop


class Changed(OSError):
    """A file was written to while it was copied."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How a folder goes up. `facts`: media_type, data_subject, custom for every file."""

    collection: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    create_only: bool = False
    checksum: bool = False
    staged_from: int = STAGED_FROM


class Upward:
    """Up, as `copying.Copy` asks for it."""

    def __init__(self, client: Client, ledger: Ledger, wish: Wish) -> None:
        self._client, self._ledger, self._wish = client, ledger, wish
        self._there: dict[str, Head | None] = {}
        self._asks = True

    def looked_up(self, files: Iterable[LocalFile]) -> Iterator[LocalFile]:
        """The same files; before each it is known what the server has under its key."""
        rest = iter(files)
        while batch := list(islice(rest, HEADS)):
            unknown = [file.key for file in batch if not self._known(file)]
            if unknown and self._asks:
                self._look_up(unknown)
            yield from batch

    def settle(self, file: LocalFile) -> Outcome | None:
        """Done in an earlier run and unchanged since, or equal to what the server has."""
        if (entry := self._known(file)) is not None:
            return self._unchanged(entry)
        asked = file.key in self._there
        there = self._there.pop(file.key, None) if asked else self._ledger.find(file.key)
        done = isinstance(there, Head) or (there is not None and there.state == "done")
        if there and done and there.size == file.size and there.sha256 == sha256_of(file.path):
            entry = Entry(file.key, "done", file.size, there.sha256, there.version, file.mtime_ns)
            self._ledger.add(entry)
            return self._unchanged(entry)
        if isinstance(there, Head) and self._wish.create_only:
            why = "the server has another file there (--no-clobber)"
            return Outcome(file.key, "skipped", file.size, error=why)
        return None

    def transfer(self, file: LocalFile, told: Told) -> Outcome:
        """Durable on the server, then in the manifest."""
        staged = file.size >= self._wish.staged_from
        stored = self._staged(file, told) if staged else self._put(file, told)
        facts = os.stat(file.path)
        if (facts.st_size, facts.st_mtime_ns) != (file.size, file.mtime_ns):
            raise Changed("it was changed while it was copied; the next run copies it again")
        entry = Entry(file.key, "done", stored.size, stored.sha256, stored.version, file.mtime_ns)
        self._ledger.add(entry)
        return Outcome(file.key, "copied", file.size, entry.sha256, entry.version)

    def _put(self, file: LocalFile, told: Told) -> Stored:
        return self._client.put(
            self._wish.collection, file.key, Path(file.path), progress=told,
            if_none_match="*" if self._wish.create_only else None, **self._facts(file),
        )  # fmt: skip

    def _staged(self, file: LocalFile, told: Told) -> Stored:
        try:
            upload = self._taken_up(file) or self._begun(file)
        except errors.NotFound:  # a client that may write but not stage
            return self._put(file, told)
        try:
            return self._finish(upload, file, told)
        except errors.DigestMismatch:
            # What an earlier run sent is not the beginning of what lies here now.
            return self._finish(self._begun(file), file, told)

    def _finish(self, upload: Upload, file: LocalFile, told: Told) -> Stored:
        try:
            upload.send(Path(file.path), progress=told)
            return upload.commit(if_none_match="*" if self._wish.create_only else None)
        except (errors.DigestMismatch, errors.CheckRefused):
            with suppress(errors.ClientError):  # it will never be a version; it expires anyway
                upload.delete()
            raise

    def _begun(self, file: LocalFile) -> Upload:
        upload = self._client.stage(
            self._wish.collection, file.key, size=file.size, **self._facts(file)
        )
        self._ledger.add(
            Entry(file.key, "started", file.size, mtime_ns=file.mtime_ns, upload=upload.url)
        )
        return upload

    def _taken_up(self, file: LocalFile) -> Upload | None:
        """What an earlier run began for exactly this file, if it is still there."""
        entry = self._ledger.find(file.key)
        if entry is None or entry.upload is None:
            return None
        if (entry.size, entry.mtime_ns) != (file.size, file.mtime_ns):
            return None
        try:
            return self._client.upload(entry.upload)
        except (errors.NotFound, errors.Gone):
            return None

    def _facts(self, file: LocalFile) -> dict[str, Any]:
        named = {"media_type": media_type_of(file.path), "filename": file.key.rpartition("/")[2]}
        return {**named, **self._wish.facts}

    def _known(self, file: LocalFile) -> Entry | None:
        """What the manifest says of a file that is as it was then."""
        entry = self._ledger.find(file.key)
        if entry is None or entry.state != "done" or self._wish.checksum:
            return None
        same = (entry.size, entry.mtime_ns) == (file.size, file.mtime_ns)
        return entry if same else None

    def _unchanged(self, entry: Entry) -> Outcome:
        return Outcome(entry.key, "unchanged", entry.size or 0, entry.sha256, entry.version)

    def _look_up(self, keys: list[str]) -> None:
        """A client that may not read is no hindrance: it writes without having looked."""
        try:
            heads = self._client.heads(self._wish.collection, keys)
        except (errors.NotFound, errors.BadRequest):
            self._asks = False
            return
        self._there.update(heads)
