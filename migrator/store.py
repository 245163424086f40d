"""The store, for a command that reads it."""

from collections.abc import Iterator
from contextlib import contextmanager

from contentserver import runtime
from contentserver.conf import Config
from contentserver.store.store import Store


@contextmanager
def opened_store(config: Config) -> Iterator[Store]:
    """Closed at the end. Open it after any fork."""
    keyset = runtime.data_keyset(config)
    store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
    try:
        yield store
    finally:
        store.close()
