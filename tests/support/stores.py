"""Real stores on real disks, which another process can open again from their folder alone."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from contentserver.store.erasure import ErasureKeys
from contentserver.store.keyset import Keyset
from contentserver.store.layout import Layout
from contentserver.store.metadata import Metadata
from contentserver.store.results import Receipt
from contentserver.store.roots import create_root
from contentserver.store.store import Store
from tests.support.keys import BRIDGE_ROOT, DATA_ROOT, Keys, make_keys

OPEN = {"2025": [("root-1", "open")], "2026": [("root-1", "open")]}
COLLECTION = "photos"


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, text: str = "2026-06-01T12:00:00") -> None:
        self.set(text)

    def set(self, text: str) -> None:
        """To this time, UTC unless it says otherwise."""
        time = datetime.fromisoformat(text)
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        self.now = int(time.timestamp()) * 1_000_000_000

    def forward(self, seconds: float) -> None:
        self.now += int(seconds * 1e9)

    def __call__(self) -> int:
        return self.now


@dataclass
class Machine:
    """Keys, roots and layout below one folder."""

    folder: Path
    clock: Callable[[], int] = field(default_factory=Clock)
    time_zone: str = "UTC"
    paths: list[Path] = field(default_factory=list)
    """Of the roots, if they lie elsewhere."""

    def roots(self) -> list[Path]:
        return self.paths or sorted(self.folder.glob("root-*"))

    def keys(self) -> Keys:
        folder = self.folder / "keys"
        data = Keyset.open(folder / "data.keyset", DATA_ROOT, "data")
        bridge = Keyset.open(folder / "bridge.keyset", BRIDGE_ROOT, "bridge")
        return Keys(folder, data, bridge, ErasureKeys.from_keyset(folder / "erasure", data))

    def set_layout(self, years: Mapping[str, Sequence[tuple[str, str]]]) -> None:
        payload = {
            "years": {
                year: [{"root": root, "state": state} for root, state in places]
                for year, places in years.items()
            }
        }
        (self.folder / "layout.json").write_text(json.dumps(payload))

    def layout(self) -> Layout:
        return Layout.from_document(1, json.loads((self.folder / "layout.json").read_text()))

    def open(self, **changes: Any) -> Store:
        """A store over what lies there; every one of them behaves as a process of its own."""
        keys = self.keys()
        arguments = {
            "roots": self.roots(),
            "layout": self.layout,
            "keyset": keys.data,
            "erasure": keys.erasure,
            "clock": self.clock,
            "time_zone": ZoneInfo(self.time_zone),
            "upload_expiry": 3600,
        }
        return Store(**(arguments | changes))


def make_machine(
    folder: Path, years: Mapping[str, Sequence[tuple[str, str]]] | None = None
) -> Machine:
    """A machine of one root for each name in the layout, below `folder`."""
    years = years or OPEN
    make_keys(folder / "keys", tuple(int(year) for year in years))
    for name in sorted({root for places in years.values() for root, _ in places}):
        create_root(folder / name, name)
    machine = Machine(folder)
    machine.set_layout(years)
    return machine


def photo(key: str = "a/1.jpg", **facts: Any) -> Metadata:
    return Metadata(collection=COLLECTION, key=key, **facts)


def put(store: Store, body: bytes, key: str = "a/1.jpg", **rest: Any) -> Receipt:
    """Both stages in one, as a PUT does them."""
    facts = {name: rest.pop(name) for name in list(rest) if name in _FACTS}
    with store.create_upload(
        actor="tester", metadata=photo(key, **facts), length=len(body), direct=True
    ) as upload:
        upload.write(body)
        upload.end_part()
        return upload.commit(actor="tester", **rest)


def get(store: Store, key: str = "a/1.jpg", **which: Any) -> bytes:
    """All bytes of a version."""
    with store.open_latest(COLLECTION, key, **which) as stored:
        return stored.read(0, stored.size)


_FACTS = {"media_type", "filename", "data_subject", "custom"}
