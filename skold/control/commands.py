"""A command of the operator as an access: recorded before it acts, or it does not act."""

import getpass
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

from skold.control import parts
from skold.control.recording import WAIT
from skold.journal import JournalUnavailable


@contextmanager
def recorded(action: str, resource: str, collection: str | None = None) -> Iterator[None]:
    """`req` is durable when the block begins; `done` says whether it failed. The operating system's
    user is the one who acts. Raises CommandError where nothing can be recorded.
    """
    body = {
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
    try:
        ticket = parts.journal().append("req", body, {"end_user": f"command:{getpass.getuser()}"})
        ticket.wait(WAIT)
    except JournalUnavailable as error:
        raise CommandError(str(error)) from error
    outcome = "failed"
    try:
        yield
        outcome = "served"
    finally:
        status = 200 if outcome == "served" else 500
        parts.journal().append("done", {"status": status, "outcome": outcome}, ref=ticket).wait(
            WAIT
        )
