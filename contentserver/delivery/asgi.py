"""The data plane as an ASGI application: parts are made when the server starts, let go when it
stops.
"""

import asyncio
import contextlib
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable
from functools import partial

from contentserver import runtime, telemetry
from contentserver.conf import Config, config
from contentserver.delivery.app import DataPlane
from contentserver.delivery.body import Patience
from contentserver.delivery.connection import sweep
from contentserver.delivery.cors import Cors
from contentserver.delivery.health import Health
from contentserver.delivery.legacy import Legacy
from contentserver.delivery.metrics import Metrics
from contentserver.delivery.parts import Parts
from contentserver.delivery.request import Receive, Scope, Send
from contentserver.delivery.rules import RulesReader
from contentserver.delivery.shadow import Shadow
from contentserver.operations.recovery import expire_uploads
from skold.journal import Journal
from skold.policy import PolicyInvalid, PolicyReader
from skold.proxies import TrustedProxies
from skold.signed import PolicyMissing, PolicyTooOld
from skold.slots import find_writer

GC_THRESHOLD = 50_000  # objects made and not yet freed before a look for cycles
RECOVERY = 300  # seconds between looks for what dead processes left half done
log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def data_plane(settings: Config) -> AsyncIterator[DataPlane]:
    """A data plane ready to serve; on leaving, its last records are durable and its files
    closed.
    """
    keyset = runtime.data_keyset(settings)
    policy, layout = runtime.policy_file(settings, keyset), runtime.layout_file(settings, keyset)
    reader = PolicyReader(policy.current)
    journal = runtime.open_journal(settings)
    await asyncio.to_thread(journal.start)
    metrics = Metrics(settings.metrics, _slot(journal))
    store = runtime.open_store(settings, keyset, layout, count=metrics.count_check)
    legacy = Legacy(runtime.fallback_maker(settings, store, journal))
    parts = Parts(
        store=store,
        gate=runtime.open_gate(reader, keyset),
        limits=runtime.limits(settings),
        guessing=runtime.guessing(settings),
        rules=RulesReader(reader, legacy.describe),
        journal=journal,
        metrics=metrics,
        patience=Patience(settings.body_idle, settings.body_minimum_rate),
        public_url=settings.public_url,
        max_requests=settings.max_connections,
        legacy=legacy,
        shadow=Shadow(store, journal, legacy, metrics),
        time_zone=settings.time_zone,
        checks=store.check,
        cors=Cors(settings.cors_origins),
        proxies=TrustedProxies(settings.trusted_proxies),
    )
    await _begin(parts)
    health = Health(
        store=store,
        journal=journal,
        policy=policy,
        layout=layout,
        metrics=metrics,
        bridge=runtime.bridge_status(settings),
        legacy=legacy,
        guessing=parts.guessing,
    )
    plane = _make_plane(settings, parts, health)
    floods = plane.refusals.count_floods()
    work = (_recover(parts), sweep(), floods, metrics.publish_each_second())
    chores = [asyncio.create_task(each) for each in work]
    _collect_rarely()
    try:
        yield plane
    finally:
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await parts.shadow.close()
        await legacy.close()
        await asyncio.to_thread(journal.close)
        store.close()
        if telemetry.is_wanted():
            from contentserver.tracing import flush  # noqa: PLC0415 - only where wanted

            await asyncio.to_thread(flush)


def _make_plane(settings: Config, parts: Parts, health: Health) -> DataPlane:
    """With spans where the environment asks for them; else nothing of them is even imported."""
    if not telemetry.is_wanted():
        return DataPlane(parts, health)
    from contentserver.delivery.tracing import traced_plane  # noqa: PLC0415 - only where wanted

    return traced_plane(settings, parts, health)


async def _begin(parts: Parts) -> None:
    """Be ready to ask legacy databases where the policy names some; without a policy that is for
    the first request that comes with one.
    """
    with contextlib.suppress(PolicyMissing, PolicyTooOld, PolicyInvalid):
        _ = parts.rules.sources
    await parts.legacy.begin()


def _collect_rarely() -> None:
    """What stands now lives as long as the process, and a request leaves no cycles behind; at the
    usual thresholds a tenth of the time went into looking at both (measured at 1,000 connections).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 50)


def _slot(journal: Journal) -> int:
    """The number that this worker's life shares with no living one, and with its predecessor."""
    writer = find_writer(journal.writer or "")
    return writer.slot if writer else os.getpid()


async def _recover(parts: Parts) -> None:
    """Finish what a killed process had begun, at start and each five minutes
    (docs/architecture.md).
    """
    recover = partial(expire_uploads, actor="data", store=parts.store, journal=parts.journal)
    while True:
        try:
            parts.metrics.count_expired(await parts.writing(recover))
        except Exception:
            log.exception("recovery failed; it is tried again in %s seconds", RECOVERY)
        await asyncio.sleep(RECOVERY)


class Application:
    """ASGI with a lifespan: no request is taken before the parts stand."""

    def __init__(self, settings: Callable[[], Config]) -> None:
        self._settings = settings
        self._plane: DataPlane | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            if self._plane is None:
                raise RuntimeError(
                    "the server must support the ASGI lifespan: start it with lifespan=on"
                )
            await self._plane(scope, receive, send)

    def is_legacy_address(self, scope: Scope) -> bool:
        """Whether the policy in force declares this URL; False while there is none."""
        if self._plane is None:
            return False
        try:
            table = self._plane.parts.rules.sources
        except (PolicyMissing, PolicyTooOld, PolicyInvalid):
            return False
        found = table.find_address(scope["raw_path"], scope["query_string"])
        return found is not None

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with data_plane(self._settings()) as self._plane:
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except Exception as error:
            log.exception("the data plane does not start")
            failed = "startup" if self._plane is None else "shutdown"
            await send({"type": f"lifespan.{failed}.failed", "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})


application = Application(config)
