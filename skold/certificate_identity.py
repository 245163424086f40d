"""Principals by client certificate. nginx asked for it, verified chain and possession of the key,
and hands both over in two headers (deploy/nginx-mtls.conf); we know the certificate by its SHA-256.

The headers are believed from our own proxies alone. From anybody else they are a reject, never
overlooked: somebody tries to be someone.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from skold import urls
from skold.policy import Policy
from skold.policy_identities import CertificateRule
from skold.principals import EndUserKnown, HandedCertificate, Principal, Reject, RequestFacts
from skold.proxies import TrustedProxies

VERIFY_HEADER = "x-ssl-client-verify"
CERTIFICATE_HEADER = "x-ssl-client-cert"
MAX_ESCAPED = 32_768  # characters; a certificate with a 4096-bit key has about 3,000
MAX_CACHED = 1_000  # certificates
NANOSECONDS = 1_000_000_000


class CertificateInvalid(ValueError):
    """The text is no X.509 certificate in PEM."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What counts of a certificate. Times are epoch seconds."""

    fingerprint: str
    subject: str
    not_before: int
    not_after: int


class _Read(NamedTuple):
    certificate: Certificate | None


def handed_over(
    verify: str | None, escaped: str | None, peer: str | None, proxies: TrustedProxies
) -> HandedCertificate | None:
    """What the two headers of a request say; None where there is no certificate.

    `peer` is the other end of the connection itself, before X-Forwarded-For is believed.
    """
    if verify is None and escaped is None:
        return None
    if not proxies.has(peer):
        return HandedCertificate(trusted=False, verify="", escaped="")
    if verify == "NONE" and not escaped:
        return None
    return HandedCertificate(trusted=True, verify=verify or "", escaped=escaped or "")


def read_certificate(pem: bytes) -> Certificate:
    """Raises CertificateInvalid."""
    try:
        read = x509.load_pem_x509_certificate(pem)
        subject = read.subject.rfc4514_string()
    except ValueError as error:
        raise CertificateInvalid(f"this is no X.509 certificate in PEM: {error}") from error
    return Certificate(
        hashlib.sha256(read.public_bytes(Encoding.DER)).hexdigest(),
        subject,
        _epoch(read.not_valid_before_utc),
        _epoch(read.not_valid_after_utc),
    )


class CertificateIdentity:
    """For one policy. A certificate is read once; what it may is asked at each request."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._cache: dict[str, _Read] = {}

    def identify(self, facts: RequestFacts, now_ns: int) -> Principal | Reject:
        """`facts.certificate` is not None."""
        handed = facts.certificate
        assert handed is not None
        if not handed.trusted:
            return Reject("certificate_not_from_proxy")
        certificate = self._read(handed.escaped)
        if certificate is None:
            return Reject("malformed_certificate")
        rule = self._policy.certificates.get(certificate.fingerprint)
        if rule is None:
            return Reject("unknown_certificate", claimed=f"certificate:{certificate.fingerprint}")
        reason = self._refuse(handed, certificate, rule, facts, now_ns // NANOSECONDS)
        if reason is not None:
            return Reject(reason, rule.credential, rule.client)
        known: EndUserKnown | None = None if facts.on_behalf_of is None else "asserted"
        return Principal(rule.client, rule.credential, "certificate", facts.on_behalf_of, known)

    def _read(self, escaped: str) -> Certificate | None:
        found = self._cache.get(escaped)
        if found is None:
            if len(escaped) > MAX_ESCAPED:
                return None
            try:
                found = _Read(read_certificate(unquote_to_bytes(escaped)))
            except CertificateInvalid:
                found = _Read(None)
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            self._cache[escaped] = found
        return found.certificate

    def _refuse(
        self,
        handed: HandedCertificate,
        certificate: Certificate,
        rule: CertificateRule,
        facts: RequestFacts,
        now: int,
    ) -> str | None:
        if handed.verify != "SUCCESS":
            return "certificate_not_verified"
        if not certificate.not_before <= now < certificate.not_after:
            return "certificate_expired" if now >= certificate.not_after else "certificate_too_new"
        if rule.expires is not None and rule.expires <= now:
            return "certificate_expired"
        client = self._policy.clients[rule.client]
        if not client.enabled:
            return "client_disabled"
        if not client.admits(facts.address):
            return "address_outside"
        named = facts.on_behalf_of
        return None if named is None or urls.is_name(named) else "malformed_on_behalf_of"


def _epoch(moment: dt.datetime) -> int:
    return int(moment.timestamp())
