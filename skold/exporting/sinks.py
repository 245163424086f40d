"""Where an export goes: a folder, or a .zip that is streamed. Each file's SHA-256 is kept."""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

_FILE_MODE = 0o600
"""Exports speak of persons."""


class Sink(Protocol):
    """Takes one file after the other."""

    sums: dict[str, str]

    def file(self, name: str) -> "contextmanager[Summing]": ...  # type: ignore[valid-type]


class Summing:
    """A file that is written and hashed."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)


class Pipe(io.RawIOBase):
    """What a .zip is written to; `take` gives what has come since."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._held.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        held, self._held = b"".join(self._held), []
        return held


class ZipSink:
    """A .zip written in one go, so that it can be streamed."""

    def __init__(self, target: IO[bytes]) -> None:
        self.sums: dict[str, str] = {}
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED)

    @contextmanager
    def file(self, name: str) -> Iterator[Summing]:
        info = zipfile.ZipInfo(name)
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, _FILE_MODE << 16
        with self._zip.open(info, "w", force_zip64=True) as file:
            summing = Summing(file)
            yield summing
        self.sums[name] = summing.digest.hexdigest()

    def close(self) -> None:
        self._zip.close()


class FolderSink:
    """Files below a folder that is there already."""

    def __init__(self, folder: Path) -> None:
        self.sums: dict[str, str] = {}
        self._folder = folder

    @contextmanager
    def file(self, name: str) -> Iterator[Summing]:
        path = self._folder / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
        with open(descriptor, "wb", buffering=1 << 20) as file:
            summing = Summing(file)
            yield summing
            file.flush()
            os.fsync(file.fileno())
        self.sums[name] = summing.digest.hexdigest()
