"""The triggers on the legacy database: what would be executed, done and undone.

Their locks are asked for a moment at a time: whoever writes waits behind one who waits.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contentserver.conf import Config
from migrator.legacy import capture
from migrator.legacy.address import address_of
from migrator.legacy.changes import SCHEMA, Backlog, ChangeLog, log_table
from migrator.legacy.description import Description
from migrator.legacy.horizon import Horizon, horizon
from migrator.legacy.identifiers import quote, quote_table
from migrator.legacy.snapshots import connect
from migrator.models import Source
from migrator.services.sources import get_description, want_comparison
from skold.services.rules import check_actor

TRIES = 60
PAUSE = 2.0
"""Seconds between two tries to get the locks, for the application to go on."""


class LocksTaken(Exception):
    """The application held its tables through all tries; nothing was changed."""


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """What is there. `backlog` and `horizon` where the change log can be read."""

    status: capture.CaptureStatus
    backlog: Backlog | None
    horizon: Horizon


class Capturing:
    """Capture of one source, by the role that owns its tables."""

    def __init__(self, source: Source, config: Config) -> None:
        self.source = source
        self._config = config
        self._description = get_description(source)

    def facts(self) -> CaptureFacts:
        """As the reading role sees it. Raises AddressMissing, AddressOpen, psycopg.Error."""
        with self._connect("read") as connection:
            found = capture.status(connection, self._description)
            log = ChangeLog(connection, self.source.name)
            backlog = log.status() if found.log else None
            return CaptureFacts(found, backlog, horizon(connection))

    def install_sql(self) -> list[str]:
        """What `install` executes, in one transaction. Raises as `facts`."""
        with self._connect("capture") as owner:
            return capture.install_sql(
                self._description, owner.info.server_version, self._readers(owner)
            )

    def remove_sql(self) -> list[str]:
        return capture.remove_sql(self._description)

    def install(self, *, actor: str, on_busy: Callable[[int], None]) -> None:
        """Begin to log changes. Where files were imported while nothing was logged, a whole
        comparison is asked for, because only that finds what changed meanwhile.

        Raises LocksTaken, and as `facts`.
        """
        check_actor(actor)
        complete = self.facts().status.is_complete
        self._execute(self.install_sql(), on_busy)
        if not complete and self.source.backfill_started_at is not None:
            want_comparison(actor=actor, source=self.source)

    def remove(self, *, actor: str, on_busy: Callable[[int], None]) -> None:
        """Remove triggers and log, with every change that waits in it.

        Raises ValidationError in a mode that counts on them, LocksTaken, and as `facts`.
        """
        check_actor(actor)
        mode = Source.objects.values_list("mode", flat=True).get(pk=self.source.pk)
        if mode != Source.Mode.LEGACY and not self.source.final:
            raise ValidationError(
                _("In mode %(mode)s the change log is needed. Take the source back to legacy."),
                params={"mode": mode},
                code="in_use",
            )
        self._execute(self.remove_sql(), on_busy)

    def _execute(self, statements: Sequence[str], on_busy: Callable[[int], None]) -> None:
        for left in range(TRIES - 1, -1, -1):
            try:
                with self._connect("capture") as owner, owner.transaction():
                    for statement in statements:
                        owner.execute(statement)
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                on_busy(left)
                time.sleep(PAUSE if left else 0)
            else:
                return
        raise LocksTaken(
            _("The tables were in use each time. Try again when there is less going on.")
        )

    def _readers(self, owner: psycopg.Connection[Any]) -> list[str]:
        with self._connect("read") as reader:
            role = reader.execute("SELECT current_user").fetchone()
        mine = owner.execute("SELECT current_user").fetchone()
        assert role is not None
        assert mine is not None
        return [] if role == mine else [role[0]]

    def _connect(self, purpose: Any) -> psycopg.Connection[Any]:
        address = address_of(self.source.name, purpose, self._config.home)
        return connect(address, application="contentserver capture")


def privileges(description: Description) -> list[str]:
    """The least that each role needs, as statements with the role's name left open."""
    tables = [description.records.table, description.content.table]
    names = ", ".join(quote_table(table) for table in tables if table)
    log = log_table(description.name)
    return [
        f"GRANT SELECT ON {names} TO <reading role>;",
        f"GRANT USAGE ON SCHEMA {quote(SCHEMA)} TO <reading role>;  -- {_('done by install')}",
        f"GRANT SELECT, DELETE ON {log} TO <reading role>;  -- {_('done by install')}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {names} TO <writeback role>;",
        f"-- {_('capture: the owner of the tables, with CREATE on the database')}",
    ]
