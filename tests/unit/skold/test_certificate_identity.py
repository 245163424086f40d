"""Client certificates: believed from our proxies alone, known by fingerprint, ended by dates."""

import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest

from skold.certificate_identity import CertificateInvalid, handed_over, read_certificate
from skold.gate import Principal, Reject
from skold.principals import HandedCertificate
from skold.proxies import TrustedProxies
from tests.support.certificates import Authority
from tests.support.policies import NOW, Institution, client

PROXIES = TrustedProxies(["10.9.0.0/24", "::1"])
FROM = dt.datetime.fromtimestamp(NOW - 1000, dt.UTC)
UNTIL = dt.datetime.fromtimestamp(NOW + 1000, dt.UTC)


class Campus(Institution):
    def __init__(self) -> None:
        super().__init__()
        self.pem = Authority().issue("portal", FROM, UNTIL).pem
        self.fingerprint = read_certificate(self.pem).fingerprint
        self.payload["certificates"] = [
            {"id": self.fingerprint, "client": "campus", "expires": None}
        ]

    def identify(self, pem: bytes | None = None, verify: str = "SUCCESS", **facts: Any) -> Any:
        escaped = quote((self.pem if pem is None else pem).decode(), safe="")
        handed = HandedCertificate(trusted=True, verify=verify, escaped=escaped)
        asks = self.asks(**{"authorization": None, "certificate": handed, **facts})
        return self.gate().identify(asks)


@pytest.fixture
def campus() -> Campus:
    return Campus()


def test_a_known_certificate_names_its_client(campus: Campus) -> None:
    credential = f"certificate:{campus.fingerprint}"
    assert campus.identify() == Principal("campus", credential, "certificate")
    named = campus.identify(on_behalf_of="anna")
    assert (named.end_user, named.end_user_known) == ("anna", "asserted")


def test_an_unknown_certificate_is_rejected_whoever_signed_it(campus: Campus) -> None:
    other = Authority().issue("portal", FROM, UNTIL).pem
    found = campus.identify(other)
    assert (found.reason, found.client) == ("unknown_certificate", None)
    assert found.claimed == f"certificate:{read_certificate(other).fingerprint}"


@pytest.mark.parametrize("verify", ["FAILED:certificate has expired", "NONE", "", "success"])
def test_what_nginx_could_not_verify_is_rejected(campus: Campus, verify: str) -> None:
    assert campus.identify(verify=verify).reason == "certificate_not_verified"


def test_dates_are_checked_here_too(campus: Campus) -> None:
    campus.now = NOW + 1000
    assert campus.identify().reason == "certificate_expired"
    campus.now = NOW - 1001
    assert campus.identify().reason == "certificate_too_new"
    campus.now = NOW
    campus.payload["certificates"][0]["expires"] = NOW
    assert campus.identify().reason == "certificate_expired"


def test_client_and_network_are_asked_at_each_request(campus: Campus) -> None:
    campus.payload["clients"] = [client("campus", address_ranges=["10.0.0.0/8"])]
    assert campus.identify(address="192.0.2.1").reason == "address_outside"
    campus.payload["clients"] = [client("campus", enabled=False)]
    assert campus.identify().reason == "client_disabled"
    campus.payload["clients"] = [client("campus")]
    assert campus.identify(on_behalf_of="a\0").reason == "malformed_on_behalf_of"


def test_a_certificate_and_another_credential_are_two(campus: Campus) -> None:
    for more in ({"authorization": f"Bearer {campus.key.plaintext}"}, {"query": campus.signed()}):
        assert campus.identify(**more) == Reject("two_credentials")


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"x" * 40_000])
def test_what_is_no_certificate_is_malformed(campus: Campus, pem: bytes) -> None:
    assert campus.identify(pem).reason == "malformed_certificate"
    with pytest.raises(CertificateInvalid):
        read_certificate(pem)


@pytest.mark.parametrize("peer", [None, "192.0.2.7", "nonsense", "", "10.9.1.1"])
@pytest.mark.parametrize("verify", [None, "NONE", "SUCCESS"])
def test_headers_of_anybody_else_are_a_reject(
    campus: Campus, peer: str | None, verify: str | None
) -> None:
    escaped = None if verify == "NONE" else quote(campus.pem.decode(), safe="")
    handed = handed_over(verify, escaped, peer, PROXIES)
    found = campus.gate().identify(campus.asks(authorization=None, certificate=handed))
    assert found == Reject("certificate_not_from_proxy")


@pytest.mark.parametrize("peer", ["10.9.0.3", "::1", "::ffff:10.9.0.3"])
def test_a_proxy_says_that_there_is_none(peer: str) -> None:
    assert handed_over("NONE", None, peer, PROXIES) is None
    assert handed_over("NONE", "", peer, PROXIES) is None
    assert handed_over(None, None, None, PROXIES) is None


def test_a_star_names_nobody() -> None:
    """uvicorn may believe any address; an identity is never taken from anybody."""
    assert not TrustedProxies(["*"]).has("10.9.0.3")
    with pytest.raises(ValueError, match="proxy"):
        TrustedProxies(["proxy.example.org"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("192.0.2.7", "203.0.113.5", "192.0.2.7"),
        ("10.9.0.3", None, "10.9.0.3"),
        ("10.9.0.3", "203.0.113.5", "203.0.113.5"),
        ("10.9.0.3", "198.51.100.1, 203.0.113.5, 10.9.0.4", "203.0.113.5"),
        ("10.9.0.3", "203.0.113.5, nonsense", "10.9.0.3"),
        ("10.9.0.3", "10.9.0.4", "10.9.0.3"),
    ],
)
def test_the_caller_is_the_last_whom_no_proxy_of_ours_vouches_for(
    peer: str, forwarded: str | None, caller: str
) -> None:
    assert PROXIES.find_caller(peer, forwarded) == caller
