"""The bridge of a node: it alone carries facts between disk and database.

Out go policy and layout, in come audit records and versions. What needs the disk alone (numbering
the ledger, fanning out outboxes, recovery) goes on without PostgreSQL; what needs PostgreSQL waits
for it and catches up. Every step is idempotent, so the bridge may be killed at any moment.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.db import connections
from django.utils import timezone
from psycopg.conninfo import make_conninfo

from contentserver import runtime
from contentserver.catalog.consumer import CONSUMERS, CatalogConsumer
from contentserver.catalog.models import StorageRoot
from contentserver.catalog.rules import collection_rules
from contentserver.conf import Config
from contentserver.operations import ledger, redacting
from contentserver.operations.courtesy import Courtesy
from contentserver.operations.extensions import Attached, BridgeContext, registered
from contentserver.operations.layout import LayoutPublisher
from contentserver.operations.layout_sync import LayoutSync
from contentserver.operations.ledger import LedgerLoop
from contentserver.operations.loops import Loop
from contentserver.operations.recovery import expire_uploads
from contentserver.operations.redacting import RedactionLoop
from contentserver.operations.status import StatusFile
from contentserver.store import fileops
from contentserver.store.errors import KeyMissing
from contentserver.store.keyset import Keyset, add_year_key, read_root_key
from contentserver.store.store import Store
from skold.anchors import running
from skold.anchors.running import Anchors
from skold.ledger import copier
from skold.ledger.copier import Copier
from skold.publisher import Publisher, find_document
from skold.signed import sign

log = logging.getLogger(__name__)


LOCK = "bridge.lock"
ACTOR = "bridge"
SIGNED_FOR_OTHERS = ("certificate",)
"""Kinds that a loop of another app may have signed; never policy, layout or tombstones."""
SHUTDOWN = 3.5
"""Seconds that loops get to finish what they are at; after that the process ends under them."""


class BridgeRuns(Exception):
    """Another bridge works on this home."""


class Bridge:
    """All loops of one node, each in a thread of its own."""

    def __init__(self, config: Config) -> None:
        """Takes the home for itself. Raises BridgeRuns, KeyMissing, OSError."""
        self._config = config
        config.run.mkdir(parents=True, exist_ok=True)
        self._lock = _take_lock(config)
        self._stop = threading.Event()
        keyset = runtime.data_keyset(config)
        self._store = runtime.open_store(config, keyset, runtime.layout_file(config, keyset))
        self._journal = runtime.open_journal(config)
        self._copier = Copier(config.ledger, config.node, _conninfo())
        self._anchors = Anchors(
            config.ledger,
            config.anchors,
            config.anchor_ways,
            interval=config.anchor_interval,
        )
        self._courtesy = Courtesy()
        self._consumer = CatalogConsumer(self._store, node=config.node)
        self._extensions = registered()
        self._published = _attached_on_disk(config, keyset)
        self._attached = self._published
        self._signing = runtime.bridge_keyset(config)
        self._ledger = LedgerLoop(config, keyset, self._signing)
        self._redaction = RedactionLoop(config, self._journal, self._ledger.resting)
        self._publisher = Publisher(
            path=config.policy,
            sign_with=self._signing.signing_key("policy"),
            verify_keys=keyset.verify_keys("policy"),
            collection_rules=collection_rules,
            attachments=self._attach,
        )
        self._layout = _layout_sync(config, keyset, self._signing, self._store, self._root_names)
        self._status = StatusFile(
            runtime.bridge_status(config),
            node=config.node,
            outbox=self._store.outbox,
            boxes=("new", *CONSUMERS, *self._extensions.known_boxes),
        )
        self._loops = self._make_loops()

    def start(self) -> None:
        """Begin to work; returns at once."""
        self._journal.start()
        for loop in self._loops:
            loop.start()
        log.info("bridge_ready", extra={"node": self._config.node, "pid": os.getpid()})

    def end(self) -> None:
        """Let every loop finish its step, and close. A loop that hangs in a frozen database or disk
        is left behind after SHUTDOWN seconds: its work is idempotent.
        """
        self._stop.set()
        deadline = time.monotonic() + SHUTDOWN
        ended = [loop.join(max(0.0, deadline - time.monotonic())) for loop in self._loops]
        if not all(ended):
            return
        self._ledger.close()
        self._journal.close()
        self._store.close()

    def _make_loops(self) -> list[Loop]:
        work = (
            self._loop("fan_out", self._fan_out, 0.2),
            self._loop("catalog", self._consumer.step, 0.2, facts=self._catalog_facts),
            self._loop("ledger", self._ledger.step, ledger.INTERVAL, facts=self._ledger.facts),
            self._loop("audit", self._copy, 0.2, facts=self._copy_facts),
            self._loop("redaction", self._redaction.step, redacting.INTERVAL),
            self._loop("anchors", self._anchors.step, running.INTERVAL, facts=self._anchors.facts),
            self._loop("policy", self._publish_policy, 0.3),
            self._loop("layout", self._layout.step, 0.5),
            self._loop("roots", self._record_roots, 15.0),
            self._loop("recovery", self._recover, 300.0),
            *self._added_loops(),
        )
        return [*work, self._loop("status", lambda: self._status.write(work), 0.5)]

    def _added_loops(self) -> list[Loop]:
        context = BridgeContext(self._config, self._store, self._journal, self._sign)
        made = [(plan, plan.make(context)) for plan in self._extensions.loops]
        return [
            self._loop(plan.name, step, plan.interval, facts=getattr(step, "facts", None))
            for plan, step in made
        ]

    def _loop(
        self,
        name: str,
        step: Callable[[], object],
        interval: float,
        facts: Callable[[], Mapping[str, Any]] | None = None,
    ) -> Loop:
        return Loop(
            name,
            lambda: bool(step()),
            interval=interval,
            stop=self._stop,
            after_error=connections.close_all,
            facts=facts,
        )

    # A step takes all there is, or as much as it can at once; only then is there more to do right
    # now. Going on for every single record would give each a handful of flushes of its own, and
    # take them from the commits.

    def _fan_out(self) -> None:
        self._store.outbox.fan_out(self._boxes)

    def _copy(self) -> bool:
        # The copy costs more than the ledger it is made from, which holds the truth meanwhile.
        if self._courtesy.should_wait():
            return False
        return self._copier.step() >= copier.LIMIT

    def _boxes(self) -> tuple[str, ...]:
        return *CONSUMERS, *self._extensions.boxes(self._published, self._attached)

    def _publish_policy(self) -> None:
        if self._publisher.step() is not None:
            self._published = self._attached

    def _attach(self) -> dict[str, Any]:
        # Known to fan_out before the policy is out that lets the first commit happen that needs it.
        self._attached = self._extensions.read_attachments()
        return self._attached

    def _sign(self, kind: str, number: int, payload: dict[str, Any]) -> bytes:
        if kind not in SIGNED_FOR_OTHERS:
            raise ValueError(f"the bridge signs no {kind} for others")
        return sign(kind, number, payload, *self._signing.signing_key(kind))

    def _recover(self) -> None:
        expire_uploads(actor=ACTOR, store=self._store, journal=self._journal)

    def _record_roots(self) -> None:
        for root in self._store.space():
            StorageRoot.objects.update_or_create(
                node=self._config.node,
                name=root.name,
                defaults={
                    "path": root.path,
                    "total_bytes": root.total,
                    "free_bytes": root.free,
                    "present": root.present,
                    "seen_at": timezone.now(),
                },
            )

    def _root_names(self) -> set[str]:
        return {root.name for root in self._store.space() if root.present}

    def _catalog_facts(self) -> Mapping[str, Any]:
        return {
            "recorded": self._consumer.recorded,
            "waiting_aside": self._consumer.waiting_aside,
        }

    def _copy_facts(self) -> Mapping[str, Any]:
        return {"copied": self._copier.copied}


def _take_lock(config: Config) -> int:
    directory = os.open(config.run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock = fileops.open_lock(directory, LOCK)
    finally:
        os.close(directory)
    if not fileops.try_lock(lock):
        os.close(lock)
        raise BridgeRuns(f"another bridge works on {config.home}; a node has exactly one")
    return lock


def _attached_on_disk(config: Config, reading: Keyset) -> Attached | None:
    """What the last policy carried, for the time until PostgreSQL answers; None if unknown."""
    document = find_document(str(config.policy), reading.verify_keys("policy"))
    return None if document is None else document.payload.get("attached", {})


def _layout_sync(
    config: Config, reading: Keyset, signing: Keyset, store: Store, roots: Callable[[], set[str]]
) -> LayoutSync:
    layout = LayoutPublisher(
        config.layout,
        verify_keys=reading.verify_keys("layout"),
        signing_key=lambda: signing.signing_key("layout"),
    )
    today = lambda: timezone.now().astimezone(config.time_zone).date()  # noqa: E731
    return LayoutSync(
        layout,
        roots=roots,
        today=today,
        ensure_year_key=partial(_ensure_year_key, config),
        make_folder=store.make_year,
    )


def _ensure_year_key(config: Config, year: int) -> None:
    root_key = read_root_key(config.data_root_key, "data")
    try:
        Keyset.open(config.data_keyset, root_key, "data").newest_year_key(year)
    except KeyMissing:
        add_year_key(config.data_keyset, root_key, year)


def _conninfo() -> str:
    """The address of Django's database, for a connection of the copier's own."""
    wanted = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert")
    params = connections["default"].get_connection_params()
    return make_conninfo(**{name: params[name] for name in wanted if params.get(name)})
