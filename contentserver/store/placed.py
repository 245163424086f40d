"""Versions in their slots, and the question whether a staged file is one already."""

from dataclasses import dataclass

from contentserver.store import fileops
from contentserver.store.address import Version, slot_path
from contentserver.store.environment import Environment
from contentserver.store.errors import Corrupt
from contentserver.store.header import HEADER_MAX, Peeked, peek
from contentserver.store.roots import Root


@dataclass(frozen=True, slots=True)
class Placed:
    """A version in its slot on a root."""

    root: Root
    address: bytes
    version: Version


def find_placed(environment: Environment, dir_fd: int, name: str) -> Placed | None:
    """Where this staged file was linked to, if its header names a slot that holds it.

    The same inode, or, for a body staged on another file system, the same header, which no two
    files share. Raises RootMissing if the slot cannot be looked at.
    """
    raw = _first_bytes(dir_fd, name)
    try:
        facts = peek(raw)
    except Corrupt:
        return None
    path = slot_path(facts.version.year, facts.address, facts.version.number)
    for place in environment.layout().places(facts.version.year):
        root = environment.roots.get(place.root)
        if fileops.same_file(dir_fd, name, root.fd, path) or _is_copy(root, path, raw, facts):
            return Placed(root, facts.address, facts.version)
    return None


def _is_copy(root: Root, path: str, raw: bytes, facts: Peeked) -> bool:
    there = _first_bytes(root.fd, path)
    return bool(there) and there[: facts.header_len] == raw[: facts.header_len]


def _first_bytes(dir_fd: int, path: str) -> bytes:
    fd = fileops.find_file(dir_fd, path)
    if fd is None:
        return b""
    try:
        return bytes(fileops.read_some(fd, HEADER_MAX, 0))
    finally:
        fileops.close(fd)
