"""Importers beside the sync, as every process of the data plane has one: any record, at any moment.

    python -m tests.support.draining.importers LEDGER RECORDS THREADS

Addresses and home come by the environment. Ends when the writers are stopped.
"""

import random
import sys
import threading
import time

import psycopg
from environs import Env

from contentserver import runtime
from contentserver.conf import Config, read_config
from contentserver.store.store import Store
from migrator.fallback.connections import connect
from migrator.importing import Importer
from migrator.legacy.address import address_of
from skold.journal import Journal, JournalUnavailable
from tests.support.draining.application import Application
from tests.support.draining.ledger import SOURCES, Ledger
from tests.support.moving import nobody

PATIENCE = 1.0


def main(path: str, records: str, threads: str) -> None:
    ledger = Ledger.of(path, records)
    config = read_config(Env())
    keyset = runtime.data_keyset(config)
    store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
    journal = runtime.open_journal(config)
    journal.start()
    crowd = [
        threading.Thread(target=_import, args=(config, store, journal, ledger))
        for _ in range(int(threads))
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    journal.close()
    store.close()


def _import(config: Config, store: Store, journal: Journal, ledger: Ledger) -> None:
    address = address_of(SOURCES[0], "read", config.home)
    application = _patiently(lambda: Application(address))
    assert application is not None
    importers = [
        Importer(store, journal, tables.description, subject_of=nobody, patience=PATIENCE)
        for tables in application.tables.values()
    ]
    application.close()
    connection = None
    while not ledger.is_stopped:
        count = random.choice((1, 1, 3, 20))
        ids = [(str(one),) for one in random.sample(range(ledger.records), count)]
        try:
            connection = connection or connect(address)
            random.choice(importers).bring(connection, ids, only_missing=random.random() < 0.4)
        except psycopg.Error:
            connection = None
            time.sleep(0.1)
        except JournalUnavailable:
            # It stood still for so long that its journal gave it up; the next one is its own.
            time.sleep(0.1)
        time.sleep(random.uniform(0, 0.1))


def _patiently(make):
    for _ in range(100):
        try:
            return make()
        except psycopg.OperationalError:
            time.sleep(0.1)
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
