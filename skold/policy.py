"""The policy as the gate uses it: indexed by key id, grants compiled by client, collection, action."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from skold.signed import Document


class PolicyInvalid(Exception):
    """The payload breaks the schema; the text names the field."""


@dataclass(frozen=True, slots=True)
class ClientRule:
    id: str
    name: str
    enabled: bool
    address_ranges: tuple[str, ...]
    may_act_for: str


@dataclass(frozen=True, slots=True)
class KeyRule:
    id: str
    client: str
    sha256: bytes
    expires: int | None


@dataclass(frozen=True, slots=True)
class UrlKeyRule:
    id: str
    client: str
    wrapped: bytes
    wrapping: int
    expires: int | None


@dataclass(frozen=True, slots=True)
class GrantRule:
    id: int
    client: str
    collection: str
    actions: frozenset[str]
    prefix: str


@dataclass(frozen=True, slots=True)
class CollectionRule:
    """`rules` is the resource's own dict, opaque to skold but for on_behalf_of and url_lifetime."""

    name: str
    on_behalf_of: str
    url_lifetime: int
    rules: dict[str, Any]


class Policy:
    clients: dict[str, ClientRule]
    keys: dict[str, KeyRule]
    url_keys: dict[str, UrlKeyRule]
    collections: dict[str, CollectionRule]

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> "Policy":
        """Raises PolicyInvalid naming the field."""
        raise NotImplementedError


class PolicyReader:
    """`reader()` is the current Policy, compiled once per published payload: what Gate takes."""

    def __init__(self, current: Callable[[], Document]) -> None:
        """`current` is SignedFile.current."""

    def __call__(self) -> Policy:
        """Raises PolicyMissing, PolicyTooOld, PolicyInvalid."""
        raise NotImplementedError
