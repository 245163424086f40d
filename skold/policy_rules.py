"""The rows of a policy, read strictly: a field of the wrong kind stops the policy, no request."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from skold.networks import Network, Networks
from skold.urls import decode_wrapped

ACTIONS = frozenset(
    (
        "read",
        "write",
        "delete",
        "sign",
        "stage",
        "commit",
        "audit",
        "replicate",
        "administer",
        "list",
    )
)
MAY_ACT_FOR = frozenset(("optional", "required", "forbidden"))
ON_BEHALF_OF = MAY_ACT_FOR | {"proof"}
_MAX_KNOWN = 10_000  # addresses whose answer a client's rule remembers

R = TypeVar("R")


class PolicyInvalid(Exception):
    """The payload breaks the schema; the text names the field."""


@dataclass(frozen=True, slots=True)
class ClientRule:
    """`address_ranges` empty means from anywhere, `requests_per_second` None without a limit."""

    id: str
    name: str
    enabled: bool
    address_ranges: tuple[Network, ...]
    may_act_for: str
    requests_per_second: int | None = None
    _networks: Networks = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_networks", Networks(self.address_ranges, _MAX_KNOWN))

    def admits(self, address: str) -> bool:
        """Whether the client may come from this address; one that cannot be read is nowhere."""
        return not self.address_ranges or self._networks.have(address)


@dataclass(frozen=True, slots=True)
class KeyRule:
    """`expires` in epoch seconds; None for never."""

    id: str
    client: str
    sha256: bytes
    expires: int | None


@dataclass(frozen=True, slots=True)
class UrlKeyRule:
    """A client's signing key, wrapped under the keyset's URL key number `wrapping`."""

    id: str
    client: str
    wrapped: bytes
    wrapping: int
    expires: int | None


@dataclass(frozen=True, slots=True)
class GrantRule:
    """`prefix` is a plain prefix of keys; end it with "/" to mean a folder. The years are both
    included; None leaves that side open.
    """

    id: int
    client: str
    collection: str
    actions: frozenset[str]
    prefix: str
    first_year: int | None = None
    last_year: int | None = None


@dataclass(frozen=True, slots=True)
class CollectionRule:
    """`rules` are the resource's own, opaque here; `url_lifetime` in seconds."""

    name: str
    on_behalf_of: str
    url_lifetime: int
    rules: dict[str, Any]


def read_rows(payload: dict[str, Any], name: str, read: Callable[["Row"], R]) -> list[R]:
    """All rows of one kind. Raises PolicyInvalid."""
    rows = payload.get(name)
    if not isinstance(rows, list):
        raise PolicyInvalid(f"{name} must be a list")
    return [read(Row(row, f"{name}[{place}]")) for place, row in enumerate(rows)]


class Row:
    """One object of the payload; every `get` checks the kind and names the place."""

    def __init__(self, values: Any, place: str) -> None:
        if not isinstance(values, dict):
            raise PolicyInvalid(f"{place} must be an object")
        self._values: dict[str, Any] = values
        self.place = place

    def get_text(self, name: str) -> str:
        return self._get(name, str, "a text")

    def find_text(self, name: str) -> str | None:
        return None if self._values.get(name) is None else self.get_text(name)

    def get_flag(self, name: str) -> bool:
        return self._get(name, bool, "true or false")

    def get_number(self, name: str) -> int:
        return self._get(name, int, "a whole number")

    def find_number(self, name: str) -> int | None:
        return None if self._values.get(name) is None else self.get_number(name)

    def get_choice(self, name: str, choices: frozenset[str]) -> str:
        value = self.get_text(name)
        if value not in choices:
            raise self.wrong(name, f"one of {', '.join(sorted(choices))}")
        return value

    def get_texts(self, name: str) -> list[str]:
        values = self._values.get(name)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.wrong(name, "a list of texts")
        return values

    def get_objects(self, name: str) -> list[dict[str, Any]]:
        values = self._values.get(name)
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.wrong(name, "a list of objects")
        return values

    def wrong(self, name: str, wanted: str) -> PolicyInvalid:
        return PolicyInvalid(f"{self.place}.{name} must be {wanted}")

    def _get(self, name: str, kind: type[R], wanted: str) -> R:
        value = self._values.get(name)
        if type(value) is not kind:
            raise self.wrong(name, wanted)
        return value


def read_client(row: Row) -> ClientRule:
    try:
        ranges = tuple(ipaddress.ip_network(text) for text in row.get_texts("address_ranges"))
    except ValueError:
        raise row.wrong("address_ranges", "networks, for example 10.0.0.0/8") from None
    return ClientRule(
        row.get_text("id"),
        row.get_text("name"),
        row.get_flag("enabled"),
        ranges,
        row.get_choice("may_act_for", MAY_ACT_FOR),
        _read_limit(row),
    )


def _read_limit(row: Row) -> int | None:
    limit = row.find_number("requests_per_second")
    if limit is not None and limit < 1:
        raise row.wrong("requests_per_second", "at least 1, or null")
    return limit


def read_key(row: Row) -> KeyRule:
    try:
        sha256 = bytes.fromhex(row.get_text("sha256"))
    except ValueError:
        sha256 = b""
    if len(sha256) != 32:
        raise row.wrong("sha256", "64 hex digits")
    return KeyRule(row.get_text("id"), row.get_text("client"), sha256, row.find_number("expires"))


def read_url_key(row: Row) -> UrlKeyRule:
    try:
        wrapped = decode_wrapped(row.get_text("wrapped"))
    except ValueError as error:
        raise row.wrong("wrapped", f"a wrapped key ({error})") from None
    return UrlKeyRule(
        row.get_text("id"),
        row.get_text("client"),
        wrapped,
        row.get_number("wrapping"),
        row.find_number("expires"),
    )


def read_grant(row: Row) -> GrantRule:
    actions = frozenset(row.get_texts("actions"))
    if not actions <= ACTIONS:
        raise row.wrong("actions", f"some of {', '.join(sorted(ACTIONS))}")
    return GrantRule(
        row.get_number("id"),
        row.get_text("client"),
        row.get_text("collection"),
        actions,
        row.get_text("prefix"),
        row.find_number("first_year"),
        row.find_number("last_year"),
    )


def read_collection(name: str, rules: Any) -> CollectionRule:
    row = Row(rules, f"collections.{name}")
    return CollectionRule(
        name,
        row.get_choice("on_behalf_of", ON_BEHALF_OF),
        row.get_number("url_lifetime"),
        rules,
    )
