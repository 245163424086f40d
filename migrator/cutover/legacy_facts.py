"""What the legacy database says for the gates: triggers, change log, transactions still open."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
from django.utils.translation import gettext as _

from migrator.legacy import capture
from migrator.legacy.changes import ChangeLog
from migrator.legacy.check import check
from migrator.legacy.description import Description
from migrator.legacy.horizon import Holder, begin_mark, has_passed, horizon
from migrator.log_presence import log_is_there

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LegacyFacts:
    """`horizon`: None where the source has no change log, and nobody could be waited for. `backlog`
    counts all changes that wait, `backlog_before` those that stood in the log at the horizon.
    """

    triggers_missing: tuple[str, ...] = ()
    backlog: int = 0
    backlog_before: int = 0
    horizon: int | None = None
    held_back_by: tuple[str, ...] = ()
    check_errors: tuple[str, ...] = ()


def legacy_facts(
    connection: psycopg.Connection[Any],
    description: Description,
    *,
    patience: float,
    say: Say = lambda _: None,
) -> LegacyFacts:
    """Waits up to `patience` seconds until all who write now have ended, so that what they changed
    is in the log, and until sync has taken that out of it. Raises psycopg.Error.
    """
    state = capture.status(connection, description)
    missing = (*state.missing, *(f"{name} ({_('disabled')})" for name in state.disabled))
    if not state.log:
        missing = (*missing, _("the change log"))
    if not log_is_there(connection, description.name):
        return LegacyFacts(missing, check_errors=_errors(connection, description))
    deadline = time.monotonic() + patience
    errors = _errors(connection, description)
    log = ChangeLog(connection, description.name)
    mark = begin_mark(connection)
    passed = _await(connection, mark, deadline, say)
    held = () if passed else _names(horizon(connection).holders)
    before = _await_delivery(log, deadline)
    return LegacyFacts(missing, log.status().events, before, mark, held, errors)


def _errors(connection: psycopg.Connection[Any], description: Description) -> tuple[str, ...]:
    # Years are no error, and to find them the whole table would be read at each look.
    findings = check(connection, description, years=False)
    return tuple(finding.text for finding in findings if finding.level == "error")


def _await_delivery(log: ChangeLog, deadline: float) -> int:
    """How many of the changes that stand in the log now are there still when time is up: an old
    application goes on writing, so that the log as a whole may never be empty.
    """
    newest = log.newest()
    while (waiting := log.count_up_to(newest)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return waiting


def _await(connection: psycopg.Connection[Any], mark: int, deadline: float, say: Say) -> bool:
    said = ""
    while not has_passed(connection, mark):
        if time.monotonic() >= deadline:
            return False
        names = "; ".join(_names(horizon(connection).holders))
        if names != said:
            say(_("waiting for transactions in legacy: %(names)s") % {"names": names})
            said = names
        time.sleep(0.1)
    return True


def _names(holders: tuple[Holder, ...]) -> tuple[str, ...]:
    # Numbers of transactions are given to all databases of a server in one sequence.
    return tuple(_name(holder) for holder in holders) or (_("a transaction in another database"),)


def _name(holder: Holder) -> str:
    words: dict[str, Any] = {"gid": holder.gid, "pid": holder.pid, "user": holder.user}
    words |= {"application": holder.application or "?", "age": round(holder.age or 0)}
    if holder.kind == "prepared":
        return _("prepared transaction %(gid)s of %(user)s, %(age)d s old") % words
    return _("%(application)s (process %(pid)s of %(user)s), %(age)d s old") % words
