"""All sources of this node: what delivery knows as its FallbackSource."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from contentserver import runtime
from contentserver.conf import Config
from contentserver.delivery.fallback import LegacyFile, LegacyUnavailable
from contentserver.delivery.rules import RulesReader
from contentserver.store.store import Store
from migrator.fallback import limits
from migrator.fallback.abandon import in_background
from migrator.fallback.source import LegacySource
from migrator.importing import Importer
from migrator.legacy.address import address_of
from migrator.legacy.description import Description
from migrator.legacy.mapping import DescriptionInvalid
from skold.journal import Journal
from skold.policy import PolicyReader

log = logging.getLogger(__name__)


class Fallback:
    """A FallbackSource. Belongs to one event loop; nothing is connected before it is needed."""

    def __init__(
        self, config: Config, store: Store, journal: Journal, rules: RulesReader | None = None
    ) -> None:
        """`rules` say whom files are about; without them they are read from the policy."""
        self._config = config
        self._store = store
        self._journal = journal
        self._rules = rules or _rules(config)
        self._sources: dict[str, tuple[Mapping[str, Any], LegacySource]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """As FallbackSource says."""

    async def close(self) -> None:
        """As FallbackSource says."""
        for _, source in self._sources.values():
            self._leave(source)
        self._sources.clear()
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=limits.IMPORT)

    def describe(self, sources: Sequence[Mapping[str, Any]]) -> None:
        """As FallbackSource says. Connections of a source whose description stays the same stay;
        of the others, who is at it comes to his end. A description that cannot be read leaves its
        source unavailable.
        """
        named = {str(one["name"]): one["description"] for one in sources}
        for name in [n for n, (seen, _) in self._sources.items() if named.get(n) != seen]:
            self._leave(self._sources.pop(name)[1])
        for name, description in named.items():
            if name not in self._sources:
                self._add(name, description)

    async def is_pending(self, source: str, key: str) -> bool:
        """As FallbackSource says."""
        return await self._source(source).is_pending(key)

    async def open(self, source: str, key: str) -> LegacyFile | None:
        """As FallbackSource says."""
        return await self._source(source).open(key)

    async def bring(self, source: str, key: str) -> bool:
        """As FallbackSource says."""
        return await self._source(source).bring(key)

    def breakers(self) -> dict[str, bool]:
        """By source, whether its breaker is open: legacy is taken to be away and not asked."""
        return {name: source.is_away for name, (_, source) in self._sources.items()}

    def _source(self, name: str) -> LegacySource:
        found = self._sources.get(name)
        if found is None:
            raise LegacyUnavailable(f"no source {name} is described here")
        return found[1]

    def _add(self, name: str, given: Mapping[str, Any]) -> None:
        try:
            description = Description.from_mapping(given)
        except DescriptionInvalid as error:
            log.error("legacy_description", extra={"source": name, "problem": str(error)})  # noqa: TRY400
            return
        importer = Importer(
            self._store,
            self._journal,
            description,
            subject_of=partial(self._subject_of, description.collection),
            patience=limits.RECORD_LOCK,
        )
        address = partial(address_of, name, "read", self._config.home)
        self._sources[name] = (given, LegacySource(description, address, importer))

    def _subject_of(self, collection: str, key: str, field: str | None) -> str | None:
        return self._rules.of(collection).subject_of(key, field)

    def _leave(self, source: LegacySource) -> None:
        task = in_background(source.close())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


def _know_already(sources: Sequence[Mapping[str, Any]]) -> None:
    """Delivery tells of sources by `describe`."""


def _rules(config: Config) -> RulesReader:
    policy = runtime.policy_file(config, runtime.data_keyset(config))
    return RulesReader(PolicyReader(policy.current), _know_already)
