"""Which records a redaction means, found in the private parts on disk.

The ledger holds every record, archived months included, so the search needs no database. A bundle
whose bytes do not contain the name is not taken apart.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson

from skold.ledger.bundles import WIDTH, Bundles, bundle_path
from skold.records import find_fields

END_USER, KEY, RECORDS = "end_user", "key", "records"


class SelectorInvalid(ValueError):
    """The selector does not say which records; the text names the member."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record that is meant, with what its sums may name."""

    leaf: int
    client: str
    network: str


class Selection:
    """A selector, read. Raises SelectorInvalid."""

    def __init__(self, kind: str, selector: Mapping[str, Any], node: str) -> None:
        """`end_user`: {"end_user": name}; `key`: {"collection", "key"}; `records`: {"records":
        ["<node>:<leaf>", …]}, of which those of `node` are taken."""
        check_selector(kind, selector)
        self._kind, self._selector = kind, selector
        self._needles = _needles(kind, selector)
        self._numbers = _numbers(selector, node) if kind == RECORDS else frozenset()

    def iter_found(self, ledger: str | os.PathLike[str], leaves: int) -> Iterator[Found]:
        """Records below `leaves` whose private part is still there. Raises LedgerDamagedError."""
        bundles = Bundles(ledger)
        for number in self._numbers_of_bundles(leaves):
            width = min(WIDTH, leaves - number * WIDTH)
            if self._needles and not _may_hold(ledger, number, width, self._needles):
                continue
            for offset, (body, private) in enumerate(bundles.read(number, width)):
                leaf = number * WIDTH + offset
                if private and self._means(leaf, body, private):
                    yield _found(leaf, body, private)

    def _numbers_of_bundles(self, leaves: int) -> Sequence[int]:
        if self._kind == RECORDS:
            return sorted({leaf // WIDTH for leaf in self._numbers if leaf < leaves})
        return range(-(-leaves // WIDTH))

    def _means(self, leaf: int, body: bytes, private: bytes) -> bool:
        if self._kind == RECORDS:
            return leaf in self._numbers
        if not any(needle in private for needle in self._needles):
            return False
        fields = find_fields(private) or {}
        if self._kind == END_USER:
            return _names_person(fields, self._selector["end_user"])
        collection = (find_fields(body) or {}).get("collection")
        return collection == self._selector["collection"] and _names_key(
            fields, self._selector["key"]
        )


def check_selector(kind: str, selector: Mapping[str, Any]) -> None:
    """Raise SelectorInvalid for one that `kind` cannot use."""
    wanted = {END_USER: ("end_user",), KEY: ("collection", "key"), RECORDS: ("records",)}.get(kind)
    if wanted is None:
        raise SelectorInvalid(f"kind: {kind!r} is none of end_user, key, records")
    if set(selector) != set(wanted):
        raise SelectorInvalid(f"selector: give {' and '.join(wanted)}, and nothing else")
    if kind == RECORDS:
        _check_records(selector["records"])
        return
    for name in wanted:
        if not isinstance(selector[name], str) or not selector[name]:
            raise SelectorInvalid(f"{name}: give a text that is not empty")


def found_at(
    ledger: str | os.PathLike[str], numbers: Iterator[int], leaves: int
) -> Iterator[Found]:
    """The records of these numbers whose private part is still there."""
    bundles = Bundles(ledger)
    number = -1
    pairs: list[tuple[bytes, bytes]] = []
    for leaf in numbers:
        if leaf // WIDTH != number:
            number = leaf // WIDTH
            pairs = bundles.read(number, min(WIDTH, leaves - number * WIDTH))
        body, private = pairs[leaf % WIDTH]
        if private:
            yield _found(leaf, body, private)


def _check_records(records: object) -> None:
    if not isinstance(records, list) or not 0 < len(records) <= 1000:
        raise SelectorInvalid("records: give a list of 1 to 1000 records, each as <node>:<leaf>")
    for each in records:
        node, _colon, leaf = each.rpartition(":") if isinstance(each, str) else ("", "", "")
        if not node or not (leaf.isascii() and leaf.isdigit() and len(leaf) <= 18):
            raise SelectorInvalid(f"records: {each!r} is not of the form <node>:<leaf>")


def _numbers(selector: Mapping[str, Any], node: str) -> frozenset[int]:
    named = (each.rpartition(":") for each in selector["records"])
    return frozenset(int(leaf) for of, _colon, leaf in named if of == node)


def _needles(kind: str, selector: Mapping[str, Any]) -> tuple[bytes, ...]:
    """Bytes of which every private part in question contains one, as canonical JSON writes them."""
    if kind == END_USER:
        return (b'"end_user":' + orjson.dumps(selector["end_user"]), b'"path":')
    if kind != KEY:
        return ()
    once = _written(selector["key"])
    return (once, _written(once.decode()))  # `keys` is a list, written as JSON within a text


def _written(text: str) -> bytes:
    return orjson.dumps(text)[1:-1]


def _names_person(fields: Mapping[str, Any], person: str) -> bool:
    """As who acted, or as whom somebody looked for in a page's query."""
    if fields.get("end_user") == person:
        return True
    query = str(fields.get("path") or "").partition("?")[2]
    return any(value.strip() == person for _name, value in parse_qsl(query))


def _names_key(fields: Mapping[str, Any], key: str) -> bool:
    """`key` is one; `keys` are several."""
    if fields.get("key") == key:
        return True
    try:
        several = orjson.loads(fields.get("keys") or "[]")
    except (orjson.JSONDecodeError, TypeError):
        return False
    return isinstance(several, list) and key in several


def _may_hold(
    ledger: str | os.PathLike[str], number: int, width: int, needles: Sequence[bytes]
) -> bool:
    for candidate in dict.fromkeys((width, WIDTH)):
        path = Path(ledger) / "private" / "entries" / bundle_path(number, candidate)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            continue
        return any(needle in raw for needle in needles)
    return True  # reading it will name what is missing


def _found(leaf: int, body: bytes, private: bytes) -> Found:
    said, about = find_fields(private) or {}, find_fields(body) or {}
    return Found(leaf, str(about.get("client") or ""), str(said.get("network") or ""))
