"""The rules of a collection as delivery uses them: read from the signed policy, prepared once for
each.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from contentserver.delivery.sources import Source, SourceTable, find_source
from contentserver.protocol.media_types import matches
from contentserver.store.metadata import LIMITS
from skold.policy import Policy

Describe = Callable[[Sequence[dict[str, Any]]], None]


@dataclass(frozen=True, slots=True)
class Rules:
    """`max_size` in bytes, None for no limit; empty `media_types` takes any; `erasure` says who a
    file is about; `sources` are those whose keys lie in the collection.
    """

    max_size: int | None
    media_types: tuple[str, ...]
    inline_types: tuple[str, ...]
    erasure: str
    cache_control: str | None
    sources: tuple[Source, ...] = ()

    def find_source(self, key: str) -> Source | None:
        """The source of the migrator that the key belongs to."""
        return find_source(self.sources, key) if self.sources else None

    def takes(self, media_type: str) -> bool:
        return not self.media_types or matches(media_type, self.media_types)

    def shows_inline(self, media_type: str) -> bool:
        return bool(self.inline_types) and matches(media_type, self.inline_types)

    def subject_of(self, key: str, field: str | None) -> str | None:
        """The data subject that files of this key depend on; None where the collection is not
        erasable.

        `field` is what the upload names; ValueError if the rule asks for it and it is missing.
        """
        if self.erasure == "none":
            return None
        if self.erasure == "key":
            return subject_named(key)
        if self.erasure == "first_segment":
            return subject_named(key.partition("/")[0])
        if not field:
            raise ValueError(
                "this collection asks for the data subject; send the header Data-Subject"
            )
        return field


def subject_named(text: str) -> str:
    """The data subject that a key, or its first segment, stands for: the text itself, or its digest
    where it is longer than a file's metadata have room for (docs/format.md).
    """
    if len(json.dumps(text, ensure_ascii=False).encode()) - 2 <= LIMITS["data_subject"]:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _rules(document: dict[str, Any], sources: tuple[Source, ...]) -> Rules:
    return Rules(
        document["max_size"],
        tuple(document["media_types"]),
        tuple(document["inline_types"]),
        document["erasure"],
        document["cache_control"],
        sources,
    )


class RulesReader:
    """Rules by collection, compiled again only when another policy is in force."""

    def __init__(
        self,
        policy: Callable[[], Policy],
        describe: Describe | None = None,
    ) -> None:
        """`describe` is told the sources whenever they have changed."""
        self._policy = policy
        self._describe = describe
        self._seen: Policy | None = None
        self._rules: dict[str, Rules] = {}
        self._table = SourceTable({})

    def of(self, collection: str) -> Rules:
        """Raises KeyError for a collection that the policy does not name: the gate has let nobody
        in there.
        """
        if self._policy() is not self._seen:
            self._compile()
        return self._rules[collection]

    @property
    def sources(self) -> SourceTable:
        """Raises PolicyInvalid and what the policy raises."""
        if self._policy() is not self._seen:
            self._compile()
        return self._table

    def _compile(self) -> None:
        policy = self._policy()
        table = SourceTable(policy.attached)
        if self._describe is not None and table.rows != self._table.rows:
            self._describe(table.rows)
        self._rules = {
            name: _rules(rule.rules, table.of(name)) for name, rule in policy.collections.items()
        }
        self._table, self._seen = table, policy
