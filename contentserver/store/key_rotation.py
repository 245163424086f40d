"""Signing keys that rotate: a new one is known to every reader before anything is signed with it.

A rotation has two acts. `begin` gives the purpose a second signing key: checkpoints are signed by
both from then on, everything else by the new one. `finish` ends the old one: its private key is
gone, its verify key stays for ever, since what it signed has to be verified for ever.
"""

from pathlib import Path

from contentserver.store.errors import StoreError
from contentserver.store.keyset import Keyset, changing, new_signing_key, public_of
from contentserver.store.keyset_file import Entry

DATA, BRIDGE = "data.keyset", "bridge.keyset"


class RotationUnderWay(StoreError):
    """The purpose has two signing keys already."""

    def __init__(self, purpose: str) -> None:
        super().__init__(f"the keys of {purpose} rotate already; finish that first")


class NoRotation(StoreError):
    """The purpose has one signing key, which nothing can replace."""

    def __init__(self, purpose: str) -> None:
        super().__init__(f"the keys of {purpose} do not rotate; begin that first")


def begin(folder: Path, data_root: bytes, bridge_root: bytes, purpose: str) -> str:
    """Add a signing key, durably: first its verify key for the readers, then the key itself.

    Returns its id. Killed between the two, a verify key stands without a use, and the next `begin`
    makes another. Raises RotationUnderWay, KeyMissing, Corrupt.
    """
    signing = Keyset.open(folder / BRIDGE, bridge_root, "bridge").signing_keys(purpose)
    if len(signing) > 1:
        raise RotationUnderWay(purpose)
    made = new_signing_key(purpose)
    with changing(folder / DATA, data_root, "data") as entries:
        entries.append(Entry(f"verify-{purpose}", made.id, public_of(made)))
    with changing(folder / BRIDGE, bridge_root, "bridge") as entries:
        if sum(entry.kind == made.kind for entry in entries) > 1:
            raise RotationUnderWay(purpose)
        entries.append(made)
    return made.id


def finish(folder: Path, bridge_root: bytes, purpose: str) -> list[str]:
    """Remove every signing key of the purpose but the newest; returns the ids of those.

    Raises NoRotation, KeyMissing, Corrupt.
    """
    with changing(folder / BRIDGE, bridge_root, "bridge") as entries:
        keys = [entry for entry in entries if entry.kind == f"sign-{purpose}"]
        if len(keys) < 2:
            raise NoRotation(purpose)
        for old in keys[:-1]:
            entries.remove(old)
    return [old.id for old in keys[:-1]]
