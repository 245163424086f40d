"""A store with files in it, and the catalog of it."""

import hashlib
from contextlib import ExitStack
from typing import Any

from contentserver import runtime
from contentserver.catalog.consumer import CONSUMERS, CatalogConsumer
from contentserver.catalog.models import Change, ChangeFeed, File, RebuildMark, StoredVersion
from contentserver.catalog.rebuild import Rebuild
from contentserver.store.metadata import Metadata
from contentserver.store.results import Receipt
from contentserver.store.store import Store
from tests.support.plane import Home


class Library:
    """The store of a home, filled by hand; `carry` does what the bridge does."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.node = home.config.node
        self._open = ExitStack()
        self.store = self.open_store()
        self.consumer = CatalogConsumer(self.store, node=self.node)

    def open_store(self) -> Store:
        keyset = runtime.data_keyset(self.home.config)
        layout = runtime.layout_file(self.home.config, keyset)
        store = runtime.open_store(self.home.config, keyset, layout)
        self._open.callback(store.close)
        return store

    def put(self, key: str, body: bytes = b"content", **declared: Any) -> Receipt:
        """Store a version of photos/<key>, or of another `collection`."""
        facts = {"collection": "photos", "media_type": "image/jpeg", **declared}
        metadata = Metadata(key=key, created_by="tester", **facts)
        with self.store.create_upload(
            actor="tester", metadata=metadata, length=len(body), direct=True
        ) as upload:
            upload.write(body)
            upload.end_part()
            return upload.commit(actor="tester", sha256=hashlib.sha256(body).digest())

    def delete(self, key: str, collection: str = "photos") -> Receipt:
        return self.store.delete(collection, key, actor="tester")

    def carry(self) -> None:
        """Everything from the outbox into the catalog."""
        self.store.outbox.fan_out(CONSUMERS)
        while self.consumer.step():
            pass

    def rebuild(self, **options: Any) -> Rebuild:
        years = [int(year) for year in self.layout()["years"]]
        return Rebuild(self.store, node=self.node, years=years, **options)

    def layout(self) -> dict[str, Any]:
        keyset = runtime.data_keyset(self.home.config)
        return runtime.layout_file(self.home.config, keyset).current().payload

    def close(self) -> None:
        self._open.close()


def snapshot() -> dict[str, Any]:
    """The catalog without what a rebuild may change: row numbers and places in the feed."""
    files = File.objects.order_by("id").values()
    versions = StoredVersion.objects.order_by("file_id", "year", "number").values()
    return {
        "files": [_plain(row) for row in files],
        "versions": [_plain(row) for row in versions],
        "changes": Change.objects.count(),
    }


def clear() -> None:
    """An empty catalog, as after the loss of PostgreSQL."""
    for model in (Change, StoredVersion, File, ChangeFeed, RebuildMark):
        model.objects.all().delete()


def numbers(node: str) -> list[int]:
    return list(
        Change.objects.filter(node=node).order_by("number").values_list("number", flat=True)
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: bytes(value) if isinstance(value, memoryview) else value
        for name, value in row.items()
        if not (name == "id" and isinstance(value, int))
    }
