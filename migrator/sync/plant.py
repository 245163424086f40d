"""What a sync works with: store and journal of this process, connections to the legacy database."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from contentserver import runtime
from contentserver.catalog.models import Collection
from contentserver.conf import Config
from contentserver.delivery.rules import Rules
from contentserver.store.store import Store
from migrator.importing import Importer
from migrator.legacy.description import Description
from migrator.sync.connecting import SyncConnection, connect
from migrator.sync.crew import Crew
from skold.journal import Journal


@dataclass(frozen=True, slots=True)
class Plant:
    """Shared by all threads and all sources of a process. `processes`: so many at most import for
    each source; 0: this one does.
    """

    config: Config
    store: Store
    journal: Journal
    processes: int = 0

    def importer(self, description: Description) -> Importer:
        """As the collection's rules are now. Raises Collection.DoesNotExist."""
        rules = Rules(None, (), (), self._erasure(description), None)
        return Importer(self.store, self.journal, description, subject_of=rules.subject_of)

    def crew(self, description: Description, hands: int) -> Crew:
        """Import processes for so many hands; to be closed. Raises Collection.DoesNotExist."""
        return Crew(
            self.config, description, self._erasure(description), hands=hands,
            processes=self.processes,
        )  # fmt: skip

    def connect(self, source: str) -> SyncConnection:
        """Raises AddressMissing, AddressOpen, psycopg.Error."""
        return connect(self.config, source)

    def _erasure(self, description: Description) -> str:
        return Collection.objects.get(pk=description.collection).erasure


@contextmanager
def opened_plant(config: Config, *, processes: int = 0) -> Iterator[Plant]:
    """Store and journal, closed at the end. Open it after any fork."""
    keyset = runtime.data_keyset(config)
    store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
    journal = runtime.open_journal(config)
    journal.start()
    try:
        yield Plant(config, store, journal, processes)
    finally:
        journal.close()
        store.close()


def available_cores() -> int:
    """Of this machine, as far as this process may use them."""
    return len(os.sched_getaffinity(0))
