"""What the data plane is made of, built once a process by contentserver.runtime."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, TypeVar

from contentserver.delivery.access import Access
from contentserver.delivery.body import Patience
from contentserver.delivery.cors import Cors
from contentserver.delivery.errors import EndUserRefused, Forbidden
from contentserver.delivery.legacy import Legacy
from contentserver.delivery.metrics import Metrics
from contentserver.delivery.rules import RulesReader
from contentserver.delivery.shadow import Shadow
from contentserver.store.checking import Check
from contentserver.store.store import Store
from skold.gate import Gate
from skold.guessing import Guessing
from skold.journal import Journal
from skold.limits import Limits
from skold.proxies import TrustedProxies

T = TypeVar("T")
# Told only to clients that hold a grant, so it gives nothing away.
END_USER = {
    "end_user_required": "name the end user in the header On-Behalf-Of",
    "end_user_forbidden": "leave the header On-Behalf-Of out: no end user may be named here",
    "end_user_unproven": "the end user must be proven here: use a signed URL or a token",
}
READERS, WRITERS = 32, 32  # threads; a cold disk answers more requests at once than it has heads


@dataclass(frozen=True, slots=True)
class Parts:
    """`max_requests` under way at once in this process; beyond it the answer is 503 with
    Retry-After. `time_zone` is the institution's, `checks` what may refuse a file
    before its commit.
    """

    store: Store
    gate: Gate
    limits: Limits
    guessing: Guessing
    rules: RulesReader
    journal: Journal
    metrics: Metrics
    patience: Patience
    public_url: str
    max_requests: int
    legacy: Legacy
    shadow: Shadow
    time_zone: tzinfo
    checks: Check | None = None
    cors: Cors = field(default_factory=Cors)
    proxies: TrustedProxies = field(default_factory=lambda: TrustedProxies(()))
    readers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(READERS, "read"))
    writers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(WRITERS, "write")
    )

    def decide(self, access: Access, *, year_follows: bool = False) -> None:
        """Let the access pass, or raise Forbidden. No rule is a refusal. `year_follows`: the caller
        holds versions against `access.years`.
        """
        assert access.principal is not None
        decision = self.gate.decide(
            access.principal,
            access.action,
            access.collection,
            access.key,
            year_follows=year_follows,
        )
        access.decision = decision
        if not decision.allowed:
            wanted = END_USER.get(decision.reason)
            raise EndUserRefused(decision.reason, wanted) if wanted else Forbidden(decision.reason)

    async def reading(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run blocking disk reads on a thread, so that a cold read stalls nobody else."""
        return await asyncio.get_running_loop().run_in_executor(self.readers, work, *arguments)

    async def writing(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run work that waits for fsync on a thread of its own pool: slow readers never hold
        writers up.
        """
        return await asyncio.get_running_loop().run_in_executor(self.writers, work, *arguments)
