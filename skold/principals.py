"""Who asks, and what was decided: the words that the gate, delivery and the audit share."""

from dataclasses import dataclass
from typing import Literal

from skold.years import Years

EndUserKnown = Literal["asserted", "signed_url", "token"]
CredentialKind = Literal["api_key", "signed_url", "legacy_address", "token", "certificate"]


@dataclass(frozen=True, slots=True)
class HandedCertificate:
    """A client certificate as a proxy hands it over: nginx's $ssl_client_verify and
    $ssl_client_escaped_cert. `trusted`: whether it was one of our proxies that said so.
    """

    trusted: bool
    verify: str
    escaped: str


@dataclass(slots=True)
class RequestFacts:
    """What the gate may know of a request.

    `authorization` holds every Authorization field, joined by ", " (RFC 9110 5.3); `raw_path` is
    the path as sent, still percent-encoded; `address` is the peer's.
    """

    method: str
    raw_path: bytes
    query: bytes
    authorization: str | None
    on_behalf_of: str | None
    address: str
    certificate: HandedCertificate | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody the policy knows. `expires` (epoch seconds) and `disposition` come with a signed
    URL.
    """

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
    """`rule` names what decided ("grant:12"), for the audit; None when nothing matched.

    With `years` the decision is open: it allows versions of these years, and whoever finds the
    version has to ask `of_year`. None: every year.
    """

    allowed: bool
    reason: str
    rule: str | None = None
    years: Years | None = None

    def of_year(self, year: int | None) -> "Decision":
        """The decision on a version of this year; None where there is no single one."""
        if self.years is None or not self.allowed:
            return self
        rule = None if year is None else self.years.rule_of(year)
        if rule is None:
            return refusal("outside_years", self.rule)
        return Decision(allowed=True, reason=self.reason, rule=rule)


def refusal(reason: str, rule: str | None = None) -> Decision:
    """A refusal; `rule` is the grant that would have allowed it."""
    return Decision(allowed=False, reason=reason, rule=rule)
