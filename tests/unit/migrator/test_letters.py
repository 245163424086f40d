"""What an import process raises arrives at the sync as it was."""

import inspect
import socket
from multiprocessing.connection import Connection

import psycopg
import pytest

from contentserver.store import errors as store
from contentserver.store.address import Version
from migrator import facts
from migrator.legacy import errors as legacy
from migrator.outcomes import Outcome
from migrator.sync.letters import Answer, receive, send
from skold.journal import JournalUnavailable

VALUES = {
    "version": Version(2026, 3), "current": Version(2026, 3), "year": 2019, "expected": 7,
    "field": "key", "name": "root-1",
}  # fmt: skip


def every_error() -> list[Exception]:
    kinds = [
        kind
        for module, base in ((store, store.StoreError), (legacy, legacy.LegacyError))
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, base) and kind is not base
    ]
    return [_made(kind) for kind in (*kinds, facts.NoDataSubject)]


def _made(kind: type[Exception]) -> Exception:
    if kind.__init__ is Exception.__init__:
        return kind("what happened")
    names = list(inspect.signature(kind.__init__).parameters)[1:]
    return kind(*(VALUES.get(name, f"the {name}") for name in names))


def sent(answer: Answer) -> Answer:
    ours, theirs = (Connection(end.detach()) for end in socket.socketpair())
    send(ours, answer)
    arrived: Answer = receive(theirs)
    ours.close()
    theirs.close()
    return arrived


@pytest.mark.parametrize("error", every_error(), ids=lambda one: type(one).__name__)
def test_each_error_of_store_and_legacy_keeps_kind_text_and_facts(error):
    outcome = Outcome(("7", "ä"), "7.jpg", "failed", Version(2026, 1), 5, error)
    arrived = sent(Answer([outcome], error))
    for found in (arrived.error, arrived.outcomes[0].error):
        assert type(found) is type(error)
        assert str(found) == str(error)
        assert vars(found) == vars(error)
    assert arrived.outcomes[0].error_name == outcome.error_name
    assert arrived.outcomes[0].record_id == ("7", "ä")


@pytest.mark.parametrize(
    "error",
    [psycopg.errors.InsufficientPrivilege("no"), psycopg.OperationalError("gone"),
     JournalUnavailable("full")],
)  # fmt: skip
def test_what_stops_a_sync_keeps_its_kind(error):
    found = sent(Answer([], error)).error
    assert type(found) is type(error)
    assert str(found) == str(error)


def test_nobody_at_the_other_end_is_an_error():
    ours, theirs = (Connection(end.detach()) for end in socket.socketpair())
    theirs.close()
    with pytest.raises(EOFError):
        receive(ours)
