"""A process that imports for a sync: `python -m migrator.sync.process FD...`, a line for each hand.

It has a store, a journal and connections of its own and no Django, keeps nothing between two
batches, and ends when its lines do: so with the sync, however that ends, after the batch it is at.
"""

import logging
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection

from contentserver import runtime
from contentserver.delivery.rules import Rules
from migrator.importing import Importer
from migrator.sync.connecting import SyncConnection, connect
from migrator.sync.letters import Answer, Order, receive, send

POLITENESS = 10
"""Added to its niceness: whoever waits for an answer comes before whoever fills the disk."""

log = logging.getLogger(__name__)


def main() -> None:
    """Serve until all lines have ended."""
    # Ctrl-C goes to every process at the terminal; the sync lets each batch come to its end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(POLITENESS)
    lines = [Connection(int(fd)) for fd in sys.argv[1:]]
    order: Order = receive(lines[0])
    config = order.config
    keyset = runtime.data_keyset(config)
    store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
    journal = runtime.open_journal(config)
    journal.start()
    try:
        rules = Rules(None, (), (), order.erasure, None)
        importer = Importer(store, journal, order.description, subject_of=rules.subject_of)
        threads = [
            threading.Thread(target=_serve, args=(line, order, importer), name=f"line-{number}")
            for number, line in enumerate(lines)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        journal.close()
        store.close()


def _serve(line: Connection, order: Order, importer: Importer) -> None:
    """One batch after the other."""
    legacy: SyncConnection | None = None
    try:
        while True:
            batch = receive(line)
            try:
                legacy = legacy or connect(order.config, order.description.name)
                answer = Answer(importer.bring(legacy, batch.ids, only_missing=batch.only_missing))
            except Exception as error:  # noqa: BLE001 - the sync decides what it means
                answer = Answer([], error)
            send(line, answer)
    except (EOFError, OSError):
        return
    finally:
        if legacy is not None:
            legacy.close()


if __name__ == "__main__":
    main()
