"""/healthz, /readyz and /metrics: whether the process lives, whether it can serve and what is
wrong, what it did.

These routes serve no file and are asked every few seconds by machines; they alone leave no record.
"""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from contentserver.delivery.legacy import Legacy
from contentserver.delivery.metrics import CONTENT_TYPE, Gauge, Metrics
from contentserver.delivery.request import Request
from contentserver.delivery.routes import Handler
from contentserver.store.errors import StoreError
from contentserver.store.store import Store
from skold.guessing import Guessing
from skold.journal import Journal
from skold.signed import PolicyMissing, PolicyTooOld, SignedFile

POLICY_ALARM = 15 * 60  # seconds without a fresh stamp: the bridge or PostgreSQL is away
BRIDGE_SILENT = 30  # seconds after which what it said last counts as nothing
JSON = b"application/json"


class Health:
    """What a machine may ask without a credential. Problems are named without paths or secrets."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        policy: SignedFile,
        layout: SignedFile,
        metrics: Metrics,
        bridge: Path,
        legacy: Legacy,
        guessing: Guessing,
    ) -> None:
        """`bridge` is the status file that the bridge rewrites each second."""
        self._guessing = guessing
        self._legacy = legacy
        self._store = store
        self._journal = journal
        self._policy = policy
        self._layout = layout
        self._metrics = metrics
        self._bridge = bridge

    def handlers(self) -> Mapping[str, Handler]:
        return {"/healthz": self.healthz, "/readyz": self.readyz, "/metrics": self.metrics}

    async def healthz(self, request: Request) -> None:
        """200 as long as the process answers at all."""
        await _send(request, 200, JSON, b'{"status":"ok"}')

    async def readyz(self, request: Request) -> None:
        """200 when files can be read and stored with their record, else 503; both name every
        problem.
        """
        blocking, warnings = self.problems()
        document = {"ready": not blocking, "problems": blocking, "warnings": warnings}
        await _send(
            request, 503 if blocking else 200, JSON, json.dumps(document, indent=1).encode()
        )

    async def metrics(self, request: Request) -> None:
        await _send(request, 200, CONTENT_TYPE, self._metrics.render(self._gauges))

    def problems(self) -> tuple[list[str], list[str]]:
        """What keeps this process from serving, and what will if nobody looks."""
        blocking = list(self._store.problems())
        warnings: list[str] = []
        if not self._journal.healthy:
            blocking.append("journal: accesses cannot be recorded, so none are served")
        for name, file in (("policy", self._policy), ("layout", self._layout)):
            try:
                file.current()
            except (PolicyMissing, PolicyTooOld) as error:
                blocking.append(f"{name}: {error}")
            if file.alarm:
                warnings.append(f"{name}: {file.alarm}")
        age = self._policy.age_seconds
        if age is not None and age > POLICY_ALARM:
            warnings.append(f"policy: not stamped for {int(age)} seconds; is the bridge running?")
        warnings += self._guesses()
        warnings += self._bridge_problems()
        return blocking, warnings

    def _guesses(self) -> list[str]:
        """Who guesses, or what, is told to nobody here: the audit names it."""
        found = self._guessing.suspects(time.time())
        if not any(found.values()):
            return []
        text = (
            f"guessing: credentials that do not hold keep coming, from {found['network']} networks,"
            f" for {found['credential']} known ids; look at the refusals in the audit"
        )
        return [text]

    def _bridge_problems(self) -> list[str]:
        status = self._bridge_status()
        if status is None:
            return ["bridge: no status; is manage.py run_bridge running?"]
        silent = time.time() - float(status.get("at", 0))
        found = [f"bridge: silent for {int(silent)} seconds"] if silent > BRIDGE_SILENT else []
        return found + [f"bridge: {problem}" for problem in status.get("problems", [])]

    def _bridge_status(self) -> dict[str, Any] | None:
        try:
            document = json.loads(self._bridge.read_bytes())
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) else None

    def _gauges(self) -> Iterable[Gauge]:
        healthy = float(self._journal.healthy)
        yield _gauge("contentserver_journal_healthy", "1 while accesses can be recorded.", healthy)
        yield _gauge(
            "contentserver_journal_lag_seconds",
            "Wait of the oldest record not yet durable.",
            self._journal.lag_seconds,
        )
        yield _gauge(
            "contentserver_journal_flushes",
            "Flushes of this worker's journal.",
            self._journal.flushes,
        )
        yield _gauge(
            "contentserver_journal_records",
            "Records of this worker's journal.",
            self._journal.records,
        )
        age = self._policy.age_seconds
        if age is not None:
            yield _gauge("contentserver_policy_age_seconds", "Since the policy was stamped.", age)
        yield _gauge(
            "contentserver_outbox_age_seconds",
            "Age of the oldest entry not yet taken.",
            self._outbox_age(),
        )
        waiting = self._audit_waiting()
        if waiting is not None:
            yield _gauge(
                "contentserver_audit_waiting_records",
                "Records of the ledger not yet in PostgreSQL.",
                waiting,
            )
        yield from self._of_the_bridge()
        yield from self._space()
        open_breakers = [((name,), float(on)) for name, on in self._legacy.breakers().items()]
        if open_breakers:
            yield (
                "contentserver_legacy_breaker_open",
                "1 while this worker takes the source's legacy database to be away.",
                ("source",),
                open_breakers,
            )

    def _of_the_bridge(self) -> Iterable[Gauge]:
        """How long it has been silent, and what parts of the control plane measure through it."""
        status = self._bridge_status()
        if status is None:
            return
        silent = max(0.0, time.time() - float(status.get("at", 0)))
        yield _gauge("contentserver_bridge_silent_seconds", "Since the bridge's last word.", silent)
        if silent > BRIDGE_SILENT:
            return
        for loop in status.get("loops", {}).values():
            for name, text, labels, samples in loop.get("facts", {}).get("gauges", ()):
                values = [(tuple(given), float(number)) for given, number in samples]
                yield name, text, tuple(labels), values

    def _audit_waiting(self) -> float | None:
        """By the bridge's status; None while that does not say."""
        loops = (self._bridge_status() or {}).get("loops", {})
        leaves = loops.get("ledger", {}).get("facts", {}).get("leaves")
        copied = loops.get("audit", {}).get("facts", {}).get("copied")
        return None if leaves is None or copied is None else float(max(0, leaves - copied))

    def _outbox_age(self) -> float:
        try:
            oldest = self._store.outbox.oldest_minute("new")
        except (StoreError, OSError):
            return 0.0
        return 0.0 if oldest is None else max(0.0, time.time() - oldest.timestamp())

    def _space(self) -> Iterable[Gauge]:
        roots = self._store.space()
        total = [((root.name,), float(root.total)) for root in roots]
        free = [((root.name,), float(root.free)) for root in roots]
        yield "contentserver_root_size_bytes", "Size of the root's file system.", ("root",), total
        yield "contentserver_root_free_bytes", "Room left on it.", ("root",), free


def _gauge(name: str, text: str, value: float) -> Gauge:
    return name, text, (), [((), value)]


async def _send(request: Request, status: int, media_type: bytes, body: bytes) -> None:
    headers = [
        (b"content-type", media_type),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
    ]
    await request.send({"type": "http.response.start", "status": status, "headers": headers})
    await request.send({"type": "http.response.body", "body": body})
