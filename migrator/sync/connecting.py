"""Connections of a sync to the legacy database."""

from psycopg.conninfo import make_conninfo

from contentserver.conf import Config
from migrator.fallback.connections import ImpatientConnection
from migrator.legacy.address import address_of

APPLICATION = "contentserver sync"


class SyncConnection(ImpatientConnection):
    """A statement that takes longer than two minutes is given up, and the connection with it: each
    asks for one page or one batch, so only a server that has stopped takes that long.
    """

    limit = 120.0


def connect(config: Config, source: str) -> SyncConnection:
    """A connection to the source's legacy database, as readers need it.

    Raises AddressMissing, AddressOpen, psycopg.Error.
    """
    address = make_conninfo(
        address_of(source, "read", config.home),
        connect_timeout=5,
        application_name=APPLICATION,
        client_encoding="UTF8",
    )
    return SyncConnection.connect(address, autocommit=True, prepare_threshold=None)
