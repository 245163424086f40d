"""What the write-back works with for one source, made anew after the legacy database was away."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from contentserver.operations.extensions import BridgeContext
from migrator.fallback.connections import ImpatientConnection
from migrator.importing import Importer
from migrator.legacy.address import address_of
from migrator.legacy.changes import ChangeLog
from migrator.legacy.description import Description
from migrator.log_presence import log_is_there
from migrator.models import Source
from migrator.sync.plant import Plant
from migrator.writeback.audit import WriteBackAudit
from migrator.writeback.carrier import Carrier

APPLICATION = "contentserver writeback"


class WriteBackConnection(ImpatientConnection):
    """A statement that takes longer than half a minute is given up, and the connection with it:
    each writes a few rows, so only a server that has stopped takes that long.
    """

    limit = 30.0


@dataclass(frozen=True, slots=True)
class WriteBackTools:
    """One source's; belongs to one thread. `changes` is None where the source has no log."""

    description: Description
    connection: psycopg.Connection[Any]
    carrier: Carrier
    importer: Importer
    changes: ChangeLog | None


def open_tools(context: BridgeContext, source: Source) -> WriteBackTools:
    """Raises AddressMissing, AddressOpen, psycopg.Error, SourceUnfit, django.db.Error."""
    description = Description.from_mapping(source.description)
    address = address_of(source.name, "writeback", context.config.home)
    connection = WriteBackConnection.connect(
        make_conninfo(
            address, connect_timeout=5, application_name=APPLICATION, client_encoding="UTF8"
        ),
        autocommit=True,
        prepare_threshold=None,  # PgBouncer may hand the next statement to another server
    )
    try:
        # Nobody waits for ever behind a lock that an application holds.
        connection.execute("SET lock_timeout = '10s'")
        has_log = log_is_there(connection, source.name)
        audit = WriteBackAudit(context.store, context.journal, description)
        plant = Plant(context.config, context.store, context.journal)
        return WriteBackTools(
            description,
            connection,
            Carrier(context.store, audit, connection, description),
            plant.importer(description),
            ChangeLog(connection, source.name) if has_log else None,
        )
    except BaseException:
        connection.close()
        raise
