"""Sources of the migrator as delivery uses them: read from the signed policy, prepared once for
each.

A key belongs to at most one source; a source's mode says who answers for its keys and who takes
writes (docs/migration.md).
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from contentserver.protocol.keys import BadKey, check_key
from contentserver.protocol.patterns import BadPattern, KeyPattern, UrlPattern
from skold.policy_rules import Row, read_rows

MODES = frozenset(("legacy", "shadow", "hybrid", "writeback", "disk"))
WRITTEN_IN_LEGACY = frozenset(("legacy", "shadow", "hybrid"))
_NAMES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Source:
    """`asks_legacy`: the legacy database takes the writes, and has a part in every read.
    `shadow_share` in percent.
    """

    name: str
    mode: str
    collection: str
    pattern: KeyPattern
    shadow_share: int
    asks_legacy: bool

    def nobodys_key(self) -> str:
        """A key of the source that hardly any record has."""
        return self.pattern.format({name: _unused_number() for name in self.pattern.names})


@dataclass(frozen=True, slots=True)
class LegacyAddress:
    """An old URL. `client` is who asks where no credential is sent; `placeholder` the key shown for
    what is absent or forbidden; None for neither.
    """

    pattern: str
    url: UrlPattern
    collection: str
    key: KeyPattern
    client: str | None
    placeholder: str | None

    def key_of(self, values: dict[str, str]) -> str | None:
        """The key that the values of a URL lead to; None where they make no key, or one that does
        not lead back to them.
        """
        key = self.key.format(values)
        try:
            check_key(key)
        except BadKey:
            return None
        used = {name: values[name] for name in self.key.names}
        return key if self.key.parse(key) == used else None


class SourceTable:
    """All sources and legacy addresses of one policy. `rows` are the sources as attached."""

    def __init__(self, attached: dict[str, Any]) -> None:
        """Raises PolicyInvalid naming the field."""
        given = {"sources": [], "addresses": [], **attached}
        self.rows: Sequence[dict[str, Any]] = given["sources"]
        self.addresses = tuple(read_rows(given, "addresses", _read_address))
        self._sources: dict[str, tuple[Source, ...]] = {}
        for source in read_rows(given, "sources", _read_source):
            self._sources[source.collection] = (*self.of(source.collection), source)

    def of(self, collection: str) -> tuple[Source, ...]:
        """The sources whose keys lie in the collection."""
        return self._sources.get(collection, ())

    def find(self, collection: str, key: str) -> Source | None:
        """The source a key belongs to."""
        return find_source(self.of(collection), key)

    def find_address(
        self, raw_path: bytes, query: bytes
    ) -> tuple[LegacyAddress, str | None] | None:
        """The first address that the URL fits, and the key it leads to, if to any."""
        for address in self.addresses:
            values = address.url.match(raw_path, query)
            if values is not None:
                return address, address.key_of(values)
        return None


def find_source(sources: Iterable[Source], key: str) -> Source | None:
    """The one of these whose template leads to the key."""
    for source in sources:
        if source.pattern.parse(key) is not None:
            return source
    return None


def _unused_number() -> str:
    """From the end of what an integer column holds."""
    return str(2_000_000_000 + secrets.randbelow(147_483_647))


def _read_source(row: Row) -> Source:
    mode = row.get_choice("mode", MODES)
    return Source(
        row.get_text("name"),
        mode,
        row.get_text("collection"),
        _pattern(row, "key"),
        row.get_number("shadow_share"),
        mode in WRITTEN_IN_LEGACY,
    )


def _read_address(row: Row) -> LegacyAddress:
    text = row.get_text("pattern")
    try:
        url = UrlPattern(text)
    except BadPattern as error:
        raise row.wrong("pattern", f"a pattern of URLs ({error})") from None
    return LegacyAddress(
        text,
        url,
        row.get_text("collection"),
        _pattern(row, "key", url.names),
        row.find_text("client"),
        row.find_text("placeholder"),
    )


def _pattern(row: Row, field: str, names: Iterable[str] | None = None) -> KeyPattern:
    template = row.get_text(field)
    try:
        return KeyPattern(template, _NAMES.findall(template) if names is None else names)
    except BadPattern as error:
        raise row.wrong(field, f"a template of keys ({error})") from None
