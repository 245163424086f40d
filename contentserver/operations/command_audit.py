"""An act that somebody at the terminal does, recorded without a gate, a policy or a database."""

from collections.abc import Iterator
from contextlib import contextmanager

from contentserver import runtime
from contentserver.conf import Config
from skold.control.commands import recorded_in
from skold.journal import Scalar


@contextmanager
def recorded_act(
    config: Config, resource: str, action: str = "administer"
) -> Iterator[dict[str, Scalar]]:
    """`recorded_in` a journal for this act alone, closed at its end: the command may work on the
    ledger that the journal is part of.

    Raises JournalUnavailable before the block: then nothing is done.
    """
    journal = runtime.open_journal(config)
    journal.start()
    try:
        with recorded_in(journal, action, resource) as said:
            yield said
    finally:
        journal.close()
