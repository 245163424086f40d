"""A command of the operator as an access: recorded before it acts, or it does not act."""

import getpass
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from skold.control import parts
from skold.journal import Journal, JournalUnavailable, Scalar, Ticket

WAIT = 5.0
"""Seconds a record may take to become durable."""


def actor() -> str:
    """Who is at the terminal, by what the operating system says."""
    return f"command:{getpass.getuser()}"


@contextmanager
def recorded(action: str, resource: str, collection: str | None = None) -> Iterator[None]:
    """`recorded_in` this process's own journal. Raises CommandError where nothing can be
    recorded.
    """
    journal = parts.journal()
    try:
        request = _begin(journal, action, resource, collection)
    except JournalUnavailable as error:
        raise CommandError(str(error)) from error
    with _ending(journal, request):
        yield


@contextmanager
def recorded_in(journal: Journal, action: str, resource: str) -> Iterator[dict[str, Scalar]]:
    """`req` is durable when the block begins; `done` says how it ended, with whatever else the
    block puts into what it is given. Raises JournalUnavailable before the block: then nothing is
    done.
    """
    with _ending(journal, _begin(journal, action, resource)) as said:
        yield said


def _begin(journal: Journal, action: str, resource: str, collection: str | None = None) -> Ticket:
    body: dict[str, Scalar] = {
        "id": str(uuid.uuid4()),
        "plane": "control",
        "action": action,
        "decision": "allow",
        "reason": "command",
        "credential": "command",
        "resource": resource,
    }
    if collection is not None:
        body["collection"] = collection
    request = journal.append("req", body, {"end_user": actor()})
    request.wait(WAIT)
    return request


@contextmanager
def _ending(journal: Journal, request: Ticket) -> Iterator[dict[str, Scalar]]:
    said: dict[str, Scalar] = {}
    done: dict[str, Scalar] = {"status": 500, "outcome": "failed"}
    try:
        yield said
        done = {"status": 200, "outcome": "served", **said}
    finally:
        journal.append("done", done, ref=request).wait(WAIT)
