"""The rules of a collection as delivery uses them: read from the signed policy, prepared once for
each.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contentserver.protocol.media_types import matches
from contentserver.store.metadata import LIMITS
from skold.policy import Policy


@dataclass(frozen=True, slots=True)
class Rules:
    """`max_size` in bytes, None for no limit; empty `media_types` takes any; `erasure` says who a
    file is about.
    """

    max_size: int | None
    media_types: tuple[str, ...]
    inline_types: tuple[str, ...]
    erasure: str
    cache_control: str | None

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


def _rules(document: dict[str, Any]) -> Rules:
    return Rules(
        document["max_size"],
        tuple(document["media_types"]),
        tuple(document["inline_types"]),
        document["erasure"],
        document["cache_control"],
    )


class RulesReader:
    """Rules by collection, compiled again only when another policy is in force."""

    def __init__(self, policy: Callable[[], Policy]) -> None:
        self._policy = policy
        self._seen: Policy | None = None
        self._rules: dict[str, Rules] = {}

    def of(self, collection: str) -> Rules:
        """Raises KeyError for a collection that the policy does not name: the gate has let nobody
        in there.
        """
        policy = self._policy()
        if policy is not self._seen:
            self._rules = {name: _rules(rule.rules) for name, rule in policy.collections.items()}
            self._seen = policy
        return self._rules[collection]
