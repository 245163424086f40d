"""What a sync works with: store and journal of this process, connections to the legacy database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg.conninfo import make_conninfo

from contentserver import runtime
from contentserver.catalog.models import Collection
from contentserver.conf import Config
from contentserver.delivery.rules import Rules
from contentserver.store.store import Store
from migrator.fallback.connections import ImpatientConnection
from migrator.importing import Importer
from migrator.legacy.address import address_of
from migrator.legacy.description import Description
from skold.journal import Journal

APPLICATION = "contentserver sync"


class SyncConnection(ImpatientConnection):
    """A statement that takes longer than two minutes is given up, and the connection with it: each
    asks for one page or one batch, so only a server that has stopped takes that long.
    """

    limit = 120.0


@dataclass(frozen=True, slots=True)
class Plant:
    """Shared by all threads and all sources of a process."""

    config: Config
    store: Store
    journal: Journal

    def importer(self, description: Description) -> Importer:
        """As the collection's rules are now. Raises Collection.DoesNotExist."""
        erasure = Collection.objects.get(pk=description.collection).erasure
        rules = Rules(None, (), (), erasure, None)
        return Importer(self.store, self.journal, description, subject_of=rules.subject_of)

    def connect(self, source: str) -> SyncConnection:
        """A connection to the source's legacy database, as readers need it.

        Raises AddressMissing, AddressOpen, psycopg.Error.
        """
        address = make_conninfo(
            address_of(source, "read", self.config.home),
            connect_timeout=5,
            application_name=APPLICATION,
            client_encoding="UTF8",
        )
        return SyncConnection.connect(address, autocommit=True, prepare_threshold=None)


@contextmanager
def opened_plant(config: Config) -> Iterator[Plant]:
    """Store and journal, closed at the end. Open it after any fork."""
    keyset = runtime.data_keyset(config)
    store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
    journal = runtime.open_journal(config)
    journal.start()
    try:
        yield Plant(config, store, journal)
    finally:
        journal.close()
        store.close()
