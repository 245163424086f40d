"""The one place that turns a request into a principal, and a principal's wish into a decision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from skold.policy import Policy

EndUserKnown = Literal["asserted", "signed_url", "token"]
CredentialKind = Literal["api_key", "signed_url"]


@dataclass(slots=True)
class RequestFacts:
    """What the gate may know of a request. `authorization` holds every Authorization field, joined
    by ", " (RFC 9110 5.3); `raw_path` is the path as sent, still percent-encoded; `address` is the
    peer's.
    """

    method: str
    raw_path: bytes
    query: bytes
    authorization: str | None
    on_behalf_of: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody the policy knows. `expires` (epoch seconds) is set for signed URLs only."""

    client: str
    credential: str
    credential_kind: CredentialKind
    end_user: str | None = None
    end_user_known: EndUserKnown | None = None
    expires: int | None = None
    disposition: str | None = None


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody: the request carried no credential at all."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A credential that does not hold. `reason` is for the audit only, never for the answer.

    `credential` names a key id the policy knows (and `client` its owner); `claimed` an id it does
    not.
    """

    reason: str
    credential: str | None = None
    client: str | None = None
    claimed: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """`rule` names what decided ("grant:12"), for the audit; None when nothing matched."""

    allowed: bool
    reason: str
    rule: str | None = None


class Gate:
    """Identify and decide; no input or output, no waiting, so it may run on the event loop."""

    def __init__(
        self, policy: Callable[[], Policy], url_keys: Mapping[int, bytes], clock: Callable[[], int]
    ) -> None:
        """`clock` gives ns since the epoch, UTC."""

    def identify(self, facts: RequestFacts) -> Principal | Anonymous | Reject:
        """Raises UrlKeyUnusable (503) and whatever `policy()` raises (PolicyMissing, PolicyTooOld)."""
        raise NotImplementedError

    def decide(
        self, principal: Principal | Anonymous, action: str, collection: str | None, key: str | None
    ) -> Decision:
        """`key` None asks for the whole collection, `collection` None for the institution."""
        raise NotImplementedError
