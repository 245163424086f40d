"""What a copy of a folder has done so far, kept so that another run goes on where it ended.

JSON lines: first the copy itself (from where to where), then a line for each thing that happened
to a file; the last one about a key counts. A line is on stable storage before its file counts as
done, and a line that a crash tore is as if it had never been written: its file is looked at again.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self, get_args

from contentserver.client.cli.durable import sync_folder

FORM = 1
State = Literal["done", "started", "failed"]
_BEGINNING = b'{"contentctl": '


class ManifestUnusable(Exception):
    """Belongs to another copy, is in use, or is no manifest; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is copied where. `folder` is absolute; `prefix` is empty or ends with `/`."""

    direction: Literal["up", "down"]
    url: str
    folder: str
    collection: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of a file. `size` in bytes, `mtime_ns` of the file here, `sha256` in hex.

    `upload` is the address of a staged upload under way, `error` what went wrong.
    """

    key: str
    state: State
    size: int | None = None
    sha256: str | None = None
    version: str | None = None
    mtime_ns: int | None = None
    upload: str | None = None
    error: str | None = None


class Manifest:
    """Safe to use from several threads. Raises ManifestUnusable when it is opened, else OSError."""

    def __init__(self, path: str, job: Job) -> None:
        self.path = path
        self._entries: dict[str, Entry] = {}
        self._writing, self._flushing = threading.Lock(), threading.Lock()
        self._written = self._flushed = 0
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._lock()
            self._read(job)
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)

    def find(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def add(self, entry: Entry) -> None:
        """Returns when the line is on stable storage; lines of several threads share a flush."""
        told = {name: value for name, value in asdict(entry).items() if value is not None}
        self._append(told)
        self._entries[entry.key] = entry

    def _append(self, told: dict[str, Any]) -> None:
        with self._writing:
            _write_all(self._fd, json.dumps(told, ensure_ascii=False).encode() + b"\n")
            self._written += 1
            mine = self._written
        with self._flushing:
            if self._flushed < mine:
                reached = self._written
                os.fsync(self._fd)
                self._flushed = reached

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ManifestUnusable(
                f"another contentctl is copying with {self.path}: wait for its end"
            ) from None

    def _read(self, job: Job) -> None:
        text = _read_whole(self._fd)
        if not text.startswith(_BEGINNING[: len(text)]):
            raise ManifestUnusable(f"{self.path} is no manifest of contentctl: name another file")
        whole = text.rpartition(b"\n")[0] + b"\n" if b"\n" in text else b""
        if len(whole) < len(text):  # torn; appended to, it would spoil the next line as well
            os.ftruncate(self._fd, len(whole))
        lines = whole.split(b"\n")[:-1]
        if not lines:
            self._append({"contentctl": FORM, **asdict(job)})
            sync_folder(os.path.dirname(os.path.abspath(self.path)))
            return
        self._check(_parse(lines[0]), job)
        self._entries = _entries(lines[1:])

    def _check(self, header: dict[str, Any], job: Job) -> None:
        if header.get("contentctl") != FORM:
            raise ManifestUnusable(f"{self.path} was written by another contentctl: name another")
        for name, wanted in asdict(job).items():
            if header.get(name) != wanted:
                raise ManifestUnusable(
                    f"{self.path} belongs to another copy ({name} {header.get(name)!r}, "
                    f"not {wanted!r}): name another file with --manifest"
                )


class Glance:
    """A manifest for a run that only looks: nothing is locked, mended or written."""

    def __init__(self, path: str) -> None:
        self._entries: dict[str, Entry] = {}
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
            self._entries = _entries(file.read().split(b"\n")[1:])

    def find(self, key: str) -> Entry | None:
        return self._entries.get(key)

    def add(self, entry: Entry) -> None:
        pass


def _entries(lines: Iterable[bytes]) -> dict[str, Entry]:
    found = (_entry(_parse(line)) for line in lines)
    return {entry.key: entry for entry in found if entry is not None}


def _parse(line: bytes) -> dict[str, Any]:
    """Nothing for what is no object: after a power cut a block of a line may be zeros."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _entry(told: dict[str, Any]) -> Entry | None:
    known = {field.name for field in fields(Entry)}
    if not isinstance(told.get("key"), str) or told.get("state") not in get_args(State):
        return None
    return Entry(**{name: value for name, value in told.items() if name in known})


def _read_whole(fd: int) -> bytes:
    parts = []
    os.lseek(fd, 0, os.SEEK_SET)
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
