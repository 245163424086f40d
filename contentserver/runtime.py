"""How a process gets its parts from the configuration. Imports no Django: the data plane starts
without a database.
"""

import importlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from contentserver.commit_checks import Count, load_checks
from contentserver.conf import Config
from contentserver.delivery.fallback import FallbackSource
from contentserver.store.erasure import ErasureKeys
from contentserver.store.keyset import Keyset, read_root_key
from contentserver.store.layout import Layout
from contentserver.store.store import Store
from skold.gate import Gate
from skold.guessing import Guessing
from skold.journal import Journal
from skold.limits import Limits
from skold.policy import PolicyReader
from skold.signed import Document, SignedFile


def data_keyset(config: Config) -> Keyset:
    """Keys of whoever reads and writes files. Raises KeyMissing naming what is not there."""
    return Keyset.open(config.data_keyset, read_root_key(config.data_root_key, "data"), "data")


def bridge_keyset(config: Config) -> Keyset:
    """Signing keys, which only the bridge may open."""
    return Keyset.open(
        config.bridge_keyset, read_root_key(config.bridge_root_key, "bridge"), "bridge"
    )


def policy_file(config: Config, keyset: Keyset) -> SignedFile:
    return SignedFile(config.policy, "policy", keyset.verify_keys("policy"), config.policy_max_age)


def layout_file(config: Config, keyset: Keyset) -> SignedFile:
    return SignedFile(config.layout, "layout", keyset.verify_keys("layout"), None)


def open_store(
    config: Config, keyset: Keyset, layout: SignedFile, *, count: Count | None = None
) -> Store:
    """With the commit checks that the configuration names; `count` is told what each one said.

    Raises UnusableCheck.
    """
    erasure = ErasureKeys(
        config.erasure_keys, keyset.erasure_key(1), keyset.naming, keyset.verify_keys("tombstone")
    )
    return Store(
        config.roots,
        LayoutReader(layout.current),
        keyset,
        erasure,
        time.time_ns,
        config.time_zone,
        config.upload_expiry,
        load_checks(config, count),
    )


def open_gate(policy: PolicyReader, keyset: Keyset) -> Gate:
    return Gate(policy, LiveUrlKeys(keyset), time.time_ns)


def limits(config: Config) -> Limits:
    """This process's share of what clients and addresses may ask."""
    return Limits(workers=config.workers, per_address=config.address_limit)


def guessing(config: Config) -> Guessing:
    """This process's watch for guessed credentials."""
    return Guessing(threshold=config.guessing_alarm, workers=config.workers)


def open_journal(config: Config) -> Journal:
    """A writer of this process's own; start it after any fork."""
    return Journal(config.journal_dirs, config.node)


def fallback_maker(
    config: Config, store: Store, journal: Journal
) -> Callable[[], FallbackSource] | None:
    """Makes what the configuration names; its module is imported only when it is called. None where
    nothing is named.
    """
    if not config.fallback:
        return None
    module, _, name = config.fallback.rpartition(".")

    def make() -> FallbackSource:
        made = getattr(importlib.import_module(module), name)
        return cast("FallbackSource", made(config, store, journal))

    return make


def bridge_status(config: Config) -> Path:
    return config.home / "run" / "bridge.json"


class LiveUrlKeys(Mapping[int, bytes]):
    """The keyset's URL keys by number; one that was added since is looked for on disk when a policy
    first names it, so that no process need be started again.
    """

    def __init__(self, keyset: Keyset) -> None:
        self._keyset = keyset

    def __getitem__(self, number: int) -> bytes:
        found = self._keyset.url_keys.get(number)
        if found is None:
            self._keyset.refresh()
            found = self._keyset.url_keys.get(number)
        if found is None:
            raise KeyError(number)
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self._keyset.url_keys)

    def __len__(self) -> int:
        return len(self._keyset.url_keys)


class LayoutReader:
    """The layout in force, read again only when another document was published."""

    def __init__(self, current: Callable[[], Document]) -> None:
        self._current = current
        self._seen: Document | None = None
        self._layout: Layout | None = None

    def __call__(self) -> Layout:
        document = self._current()
        if self._layout is None or document is not self._seen:
            self._layout = Layout.from_document(document.number, document.payload)
            self._seen = document
        return self._layout
