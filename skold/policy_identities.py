"""The policy's rows of certificates and tokens, read as strictly as the others.

A policy of an older release has none of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from skold.policy_rules import Row, read_rows

ASYMMETRIC = frozenset(
    ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
)
"""Algorithms a provider may sign with (RFC 7518, RFC 8037): never `none`, never a shared secret."""
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class CertificateRule:
    """A client's certificate by the SHA-256 of its DER; `expires` in epoch seconds."""

    id: str
    client: str
    expires: int | None

    @property
    def credential(self) -> str:
        """As records name it."""
        return f"certificate:{self.id}"


@dataclass(frozen=True, slots=True)
class TokenProviderRule:
    """`keys` are members of a JWK set (RFC 7517) as fetched; `end_user_claim` may be empty."""

    id: str
    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str]
    client_claim: str
    end_user_claim: str
    keys: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class TokenClientRule:
    """A token of `provider` whose claim says `value` speaks for `client`."""

    id: int
    provider: str
    value: str
    client: str

    @property
    def credential(self) -> str:
        """As records name it: it identifies no person."""
        return f"token:{self.provider}/{self.id}"


def find_rows(payload: dict[str, Any], name: str, read: Callable[[Row], R]) -> list[R]:
    """Rows that an older policy has not. Raises PolicyInvalid."""
    return read_rows(payload, name, read) if name in payload else []


def read_certificate(row: Row) -> CertificateRule:
    fingerprint = row.get_text("id")
    if len(fingerprint) != 64 or not set(fingerprint) <= set("0123456789abcdef"):
        raise row.wrong("id", "64 small hex digits")
    return CertificateRule(fingerprint, row.get_text("client"), row.find_number("expires"))


def read_token_provider(row: Row) -> TokenProviderRule:
    algorithms = frozenset(row.get_texts("algorithms"))
    if not algorithms <= ASYMMETRIC:
        raise row.wrong("algorithms", f"some of {', '.join(sorted(ASYMMETRIC))}")
    return TokenProviderRule(
        row.get_text("id"),
        row.get_text("issuer"),
        frozenset(row.get_texts("audiences")),
        algorithms,
        row.get_text("client_claim"),
        row.get_text("end_user_claim"),
        tuple(row.get_objects("keys")),
    )


def read_token_client(row: Row) -> TokenClientRule:
    return TokenClientRule(
        row.get_number("id"),
        row.get_text("provider"),
        row.get_text("value"),
        row.get_text("client"),
    )
