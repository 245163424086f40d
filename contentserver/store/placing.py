"""What every way into a slot has in common: the header, the name, and the rules of both.

Nothing here is durable by itself; `commit` and `import_batch` say in which order what is flushed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from contentserver.store import fileops
from contentserver.store.address import Version, folder_path, slot_name
from contentserver.store.environment import Environment
from contentserver.store.errors import NoSpace, SlotTaken, VersionGap
from contentserver.store.header import seal_header
from contentserver.store.metadata import Metadata
from contentserver.store.parts import StagedBody
from contentserver.store.results import Receipt, etag_of
from contentserver.store.roots import Root


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to become a version: a body, and all that its header will say."""

    body: StagedBody
    metadata: Metadata
    erasure_id: bytes
    deleted: bool = False
    imported: bool = False


def next_version(environment: Environment, latest: Version | None) -> Version:
    """In the later of the clock's year and the latest version's: a clock may be wrong."""
    year = environment.year_now()
    if latest is None or latest.year < year:
        return Version(year, 1)
    return Version(latest.year, latest.number + 1)


def write_header(
    environment: Environment, draft: Draft, address: bytes, version: Version, now: int
) -> Receipt:
    """Put the header before the body and make the file read-only, without a flush; the receipt to
    give once the version is durable.
    """
    body = draft.body
    header = seal_header(
        keyset=environment.keyset,
        erasure=environment.erasure,
        dek=body.dek,
        file_id=body.file_id,
        header_len=body.header_len,
        address=address,
        version=version,
        metadata=draft.metadata,
        size=body.size,
        body_size=body.body_size,
        committed_at_ns=now,
        body_sha256=body.body_sha256,
        erasure_id=draft.erasure_id,
        imported=draft.imported,
        deleted=draft.deleted,
    )
    fileops.write_all(body.fd, header, 0)
    fileops.make_read_only(body.fd)
    etag = etag_of(version, body.plain_sha256)
    return Receipt(version, etag, body.plain_sha256, body.size, created=True, committed_at_ns=now)


def sync_body(body: StagedBody) -> None:
    """Flush a body with its header; after an error it is spoiled for good."""
    try:
        fileops.fsync_file(body.fd)
    except BaseException:
        body.spoiled = True
        raise


def link_body(body: StagedBody, from_fd: int, name: str, folder: int, slot: str) -> None:
    """Give the staged file its slot's name. Raises SlotTaken, NoSpace."""
    body.placing = True
    try:
        fileops.link_into_place(from_fd, name, folder, slot)
    except (SlotTaken, NoSpace):
        body.placing = False
        raise


def refuse_gap(folder: int, address: bytes, version: Version) -> None:
    """Raise VersionGap unless the version before this one is there."""
    before = slot_name(address, version.number - 1)
    if version.number > 1 and not fileops.is_there(folder, before):
        raise VersionGap(f"version {version} was to be written, but {before} is not there")


@contextmanager
def opened_folder(root: Root, version: Version, address: bytes) -> Iterator[int]:
    """The folder of a version's slot, which exists durably."""
    fd = fileops.make_dirs_durably(root.fd, folder_path(version.year, address))
    try:
        yield fd
    finally:
        fileops.close(fd)
