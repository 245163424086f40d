"""The two sides of a comparison: what legacy has of a record, and what the disk has of its key."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from contentserver.store.errors import Corrupt, Deleted, Erased, KeyMissing, NotStored
from contentserver.store.results import VersionInfo
from contentserver.store.store import Store
from migrator.legacy.description import RecordId
from migrator.legacy.errors import LegacyError
from migrator.legacy.reader import LegacyReader
from migrator.legacy.records import ReadAlone


@dataclass(frozen=True, slots=True)
class There:
    """One legacy record: `sha256` of its content, or `error`; neither if there is no record."""

    record: RecordId
    sha256: bytes | None = None
    size: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Here:
    """The latest version of a key: `info`, or `error`; neither if there is none, or it is a delete
    marker. `sha256` is that of the header, or of the body where that was read.
    """

    info: VersionInfo | None = None
    sha256: bytes | None = None
    error: str = ""
    erased: bool = False


def read_there(reader: LegacyReader, ids: Iterable[RecordId]) -> Iterator[There]:
    """One for each id. Content is hashed as it comes, and never kept. Raises psycopg.Error."""
    alone = []
    for record_id, _record, content in reader.read_many(ids):
        if isinstance(content, ReadAlone):
            alone.append(record_id)
        elif isinstance(content, LegacyError):
            yield There(record_id, error=str(content))
        elif content is None:
            yield There(record_id)
        else:
            yield There(record_id, hashlib.sha256(content).digest(), len(content))
    yield from (_read_alone(reader, record_id) for record_id in alone)


def _read_alone(reader: LegacyReader, record_id: RecordId) -> There:
    digest, size = hashlib.sha256(), 0
    try:
        with reader.read(record_id) as found:
            if found is None:
                return There(record_id)
            for piece in found[1]:
                digest.update(piece)
                size += len(piece)
    except LegacyError as error:
        return There(record_id, error=str(error))
    return There(record_id, digest.digest(), size)


def read_here(store: Store, collection: str, key: str, *, full: bool) -> Here:
    """`full` decrypts the body, else the header's word is taken, which is authenticated.

    Raises RootMissing, Unavailable: then nothing can be said of any file.
    """
    try:
        with store.open_latest(collection, key) as stored:
            sha256 = stored.digest
            if full:
                digest = hashlib.sha256()
                for start, length in stored.chunks(0, stored.size):
                    for piece in stored.pieces(start, length):
                        digest.update(piece)
                sha256 = digest.digest()
            return Here(stored.info(), sha256)
    except (NotStored, Deleted):
        return Here()
    except Erased:
        return Here(erased=True)
    except (Corrupt, KeyMissing) as error:
        return Here(error=f"{type(error).__name__}: {error}")
