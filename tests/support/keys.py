"""Real keysets with keys that a test chooses."""

import os
from dataclasses import dataclass
from pathlib import Path

from contentserver.store import keyset_file
from contentserver.store.erasure import ErasureKeys
from contentserver.store.keyset import Keyset, create_keysets
from contentserver.store.keyset_file import Entry

DATA_ROOT, BRIDGE_ROOT = bytes(range(32)), bytes(range(32, 64))
YEAR = 2025
KEK_ID = 2025001


@dataclass
class Keys:
    """The keys of a machine, in a folder of their own."""

    folder: Path
    data: Keyset
    bridge: Keyset
    erasure: ErasureKeys

    @property
    def data_path(self) -> Path:
        return self.folder / "data.keyset"


def make_keys(folder: Path, years: tuple[int, ...] = (YEAR,)) -> Keys:
    """What the first start makes."""
    create_keysets(folder, DATA_ROOT, BRIDGE_ROOT, years)
    data = Keyset.open(folder / "data.keyset", DATA_ROOT, "data")
    bridge = Keyset.open(folder / "bridge.keyset", BRIDGE_ROOT, "bridge")
    return Keys(folder, data, bridge, ErasureKeys.from_keyset(folder / "erasure", data))


def keyset_of(folder: Path, year_key: bytes, naming: bytes) -> Keyset:
    """A data keyset of one year key and one naming key, both given."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.urandom(4).hex()}.keyset"
    entries = [Entry("year", str(KEK_ID), year_key), Entry("naming", "1", naming)]
    keyset_file.write(path, DATA_ROOT, "data", 1, entries)
    return Keyset.open(path, DATA_ROOT, "data")
