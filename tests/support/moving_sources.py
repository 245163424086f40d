"""A source in the control plane for what `moving` makes: its row, and the catalog of its store."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from contentserver.catalog.consumer import CONSUMERS, CatalogConsumer
from contentserver.operations.extensions import BridgeContext
from migrator.legacy.snapshots import connect
from migrator.models import Source
from migrator.verify.run import Verifier
from migrator.writeback.consumer import WriteBack
from tests.support.moving import Moving

NODE = "node-1"


def make_source(here: Moving, **facts: Any) -> Source:
    """The row of the source, in mode hybrid unless it is said otherwise."""
    description = here.tables.description
    return Source.objects.create(
        name=description.name,
        description=description.to_mapping(),
        **({"mode": Source.Mode.HYBRID} | facts),
    )


def carry(here: Moving, *boxes: str) -> None:
    """What the bridge does: every new version into the catalog, and into further outboxes."""
    here.store.outbox.fan_out((*CONSUMERS, *boxes))
    consumer = CatalogConsumer(here.store, node=NODE)
    while consumer.step():
        pass


def verifier(here: Moving, source: Source, **options: Any) -> Verifier:
    return Verifier(
        store=here.store,
        source=source,
        connect=lambda: connect(here.tables.url),
        **({"workers": 2, "patience": 0.0} | options),
    )


def writeback(here: Moving, folder: Path) -> WriteBack:
    """The loop of the bridge over this store; `folder` is the home, with the legacy address."""
    secrets = folder / "secrets" / "legacy"
    secrets.mkdir(parents=True, exist_ok=True)
    address = secrets / f"{here.tables.description.name}.dsn"
    address.touch(mode=0o600)
    address.write_text(here.tables.url)
    config = SimpleNamespace(home=folder)
    return WriteBack(BridgeContext(config, here.store, here.journal, _signs_nothing))  # type: ignore[arg-type]


def _signs_nothing(kind: str, number: int, payload: dict[str, Any]) -> bytes:
    raise AssertionError("nothing is signed here")
