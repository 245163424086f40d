"""A node with one source in its policy, as a data plane's process has it: its Fallback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from contentserver import runtime
from migrator.fallback import Fallback
from tests.support.legacy import LegacyTables
from tests.support.plane import Home


class Node:
    """One process of a home; `sources` is what the policy says of them."""

    def __init__(self, home: Home, *tables: LegacyTables) -> None:
        config = home.config
        keyset = runtime.data_keyset(config)
        self.store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
        self.journal = runtime.open_journal(config)
        self.journal.start()
        self.fallback = Fallback(config, self.store, self.journal)
        self.sources = [source(one) for one in tables]

    async def close(self) -> None:
        await self.fallback.close()
        self.journal.close()
        self.store.close()


def source(tables: LegacyTables, **facts: Any) -> dict[str, Any]:
    """As it stands in `attached["sources"]`."""
    description = tables.description
    return {
        "name": description.name,
        "mode": "hybrid",
        "final": False,
        "collection": description.collection,
        "key": description.key,
        "shadow_share": 10,
        "description": description.to_mapping(),
        **facts,
    }


@asynccontextmanager
async def node(home: Home, *tables: LegacyTables) -> AsyncIterator[Node]:
    """A node that knows the sources, closed at the end."""
    made = Node(home, *tables)
    await made.fallback.start()
    made.fallback.describe(made.sources)
    try:
        yield made
    finally:
        await made.close()


def put(tables: LegacyTables, record: Any, content: bytes, **facts: Any) -> None:
    """A file of this year, whose folder is open."""
    tables.put(record, content, **({"changed_at": datetime.now(UTC)} | facts))
