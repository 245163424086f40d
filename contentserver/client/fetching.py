"""A file fetched into a file: in one piece at the end or not at all, gone on with after a break."""

import os
from collections.abc import Callable
from pathlib import Path

from contentserver.client.download import Reading
from contentserver.client.errors import Damaged
from contentserver.client.part_file import PartFile
from contentserver.client.paths import which
from contentserver.client.reading import Reads
from contentserver.client.steps import Op, Work
from contentserver.client.values import FileInfo, Progress

Told = Callable[[Progress], object]


class Fetches(Reads):
    """The operation that writes a local file."""

    def download(
        self,
        collection: str,
        key: str,
        path: str | os.PathLike[str],
        *,
        version: str | None = None,
        as_of: int | None = None,
        on_behalf_of: str | None = None,
        progress: Told | None = None,
    ) -> Op[FileInfo]:
        """Fetch a file to `path`, which is replaced when all bytes are there, have their digest and
        are on stable storage; until then they lie beside it in a hidden `.part`. The next call goes
        on with that, if the version is the same still.

        Raises as `get`; Damaged, and then the part is removed; OSError.
        """
        target, told = Path(path), progress or (lambda _progress: None)
        parameters, info = which(version, as_of), None
        if (yield Work(lambda: PartFile.any_of(target))):
            # Where something can be gone on with, one question more tells with what.
            info = yield from self.head(
                collection, key, version=version, as_of=as_of, on_behalf_of=on_behalf_of
            )
            parameters = [("version", info.version)] if info.version else parameters
        reading = Reading(self, collection, key, parameters, on_behalf_of)
        part = yield from _begin(reading, target, info)
        try:
            yield from _receive(reading, part, told)
        finally:
            part.close()
        return reading.info


def _begin(reading: Reading, target: Path, info: FileInfo | None) -> Op[PartFile]:
    """Ask for everything, or for what is missing of the part of the version `info`."""
    part: PartFile
    if info is None or info.etag is None or info.size is None:
        yield from reading.begin()
        part = yield Work(lambda: PartFile(target, reading.info.etag))
        yield Work(part.empty)
        return part
    etag = info.etag
    part = yield Work(lambda: PartFile(target, etag))
    if not 0 < part.size < info.size:
        yield Work(part.empty)
        yield from reading.begin(0, None, etag)
        return part
    known = yield Work(part.known)
    yield from reading.begin(part.size, None, etag)
    reading.take_over(known)
    return part


def _receive(reading: Reading, part: PartFile, told: Told) -> Op[None]:
    try:
        while piece := (yield from reading.next_piece()):
            if part.add(piece):
                yield Work(part.write)
            told(Progress(reading.position, reading.info.size))
    except Damaged:
        yield Work(part.empty)
        raise
    yield Work(part.finish)
