"""What a commit must know of the version before it."""

from contentserver.store import fileops
from contentserver.store.address import Version
from contentserver.store.conditions import Latest
from contentserver.store.environment import Environment
from contentserver.store.errors import Corrupt, Erased
from contentserver.store.header import HEADER_MAX, peek
from contentserver.store.stored_file import open_stored
from contentserver.store.versions import Slot, Versions

_DELETED = 4


def find_latest(environment: Environment, versions: Versions, address: bytes) -> Latest | None:
    """The latest version and, where its header opens, its facts.

    An erased or damaged one is a version like any other: the next number follows it. Raises
    KeyMissing, RootMissing, Unavailable.
    """
    slot = versions.find_latest(address)
    if slot is None:
        return None
    deleted = _seems_deleted(slot)
    try:
        with open_stored(environment, slot.fd, slot.root.name, address, slot.version) as stored:
            return Latest(slot.version, stored.header.deleted, stored.info())
    except (Erased, Corrupt) as error:
        return Latest(slot.version, deleted, None, erased=isinstance(error, Erased))


def find_latest_version(versions: Versions, address: bytes) -> Version | None:
    """Which version is the latest; its header is not opened."""
    slot = versions.find_latest(address)
    if slot is None:
        return None
    fileops.close(slot.fd)
    return slot.version


def _seems_deleted(slot: Slot) -> bool:
    """The flag in the clear: all that an erased version still tells."""
    try:
        return bool(peek(fileops.read_some(slot.fd, HEADER_MAX, 0)).flags & _DELETED)
    except Corrupt:
        return False
