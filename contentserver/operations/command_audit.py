"""An act that somebody at the terminal does, and its pair of records in the audit."""

import getpass
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from contentserver import runtime
from contentserver.conf import Config
from skold.journal import Scalar

WAIT = 5.0
"""Seconds a record may take to become durable."""


def actor() -> str:
    """Who is at the terminal, by what the operating system says."""
    return f"command:{getpass.getuser()}"


@contextmanager
def recorded_act(config: Config, resource: str, action: str = "administer") -> Iterator[None]:
    """Record before the block, wait until that is durable, and record after it how it went.

    Raises JournalUnavailable before the block: then nothing is done.
    """
    journal = runtime.open_journal(config)
    journal.start()
    try:
        body = {
            "id": str(uuid.uuid4()),
            "plane": "control",
            "action": action,
            "decision": "allow",
            "reason": "command",
            "credential": "command",
            "resource": resource,
        }
        request = journal.append("req", body, {"end_user": actor()})
        request.wait(WAIT)
        done: dict[str, Scalar] = {"status": 500, "outcome": "failed"}
        try:
            yield
            done = {"status": 200, "outcome": "served"}
        finally:
            journal.append("done", done, ref=request).wait(WAIT)
    finally:
        journal.close()
