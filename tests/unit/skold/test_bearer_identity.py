"""Tokens: what a provider signed for us opens, and nothing else does."""

import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.utils import base64url_encode

from skold.bearer_identity import LEEWAY, MAX_CACHED, MAX_TOKEN, BearerIdentity
from skold.gate import Principal, Reject
from skold.policy import Policy, PolicyInvalid
from skold.policy_identities import ASYMMETRIC
from tests.support.policies import NOW, Institution, client, median_seconds
from tests.support.token_provider import (
    AUDIENCE,
    TokenProvider,
    new_key,
    public_jwk,
    public_pem,
    raw_token,
)


class Campus(Institution):
    """An institution that takes tokens of one provider, for the client "campus"."""

    def __init__(self, algorithm: str = "ES256") -> None:
        super().__init__()
        self.provider = TokenProvider(algorithm)
        self.payload["token_providers"] = [self.provider.row()]
        named = {"id": 3, "provider": "idp", "value": "portal-app", "client": "campus"}
        self.payload["token_clients"] = [named]

    def token(self, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        return self.provider.token(headers, now=self.now, **changes)

    def identify(self, token: str, **facts: Any) -> Any:
        return self.gate().identify(self.asks(authorization=f"Bearer {token}", **facts))

    def reason(self, token: str, **facts: Any) -> str:
        found = self.identify(token, **facts)
        assert isinstance(found, Reject), found
        return found.reason


@pytest.fixture(scope="module")
def shared() -> Campus:
    return Campus()


@pytest.fixture
def campus(shared: Campus) -> Campus:
    shared.payload["token_providers"] = [shared.provider.row()]
    shared.payload["clients"] = [client("campus")]
    shared.now = NOW
    return shared


@pytest.mark.parametrize("algorithm", sorted(ASYMMETRIC))
def test_a_token_of_each_algorithm_names_client_and_end_user(algorithm: str) -> None:
    campus = Campus(algorithm)
    assert campus.identify(campus.token()) == Principal(
        "campus", "token:idp/3", "token", "anna", "token"
    )


def test_any_of_several_audiences_will_do(campus: Campus) -> None:
    assert isinstance(campus.identify(campus.token(aud=["other", AUDIENCE])), Principal)


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("token_expired", {"exp": NOW - LEEWAY}),
        ("token_without_expiry", {"exp": None}),
        ("token_audience", {"aud": "https://other.example.org"}),
        ("token_audience", {"aud": None}),
        ("token_audience", {"aud": []}),
        ("unknown_token_issuer", {"iss": "https://evil.example.org"}),
        ("unknown_token_issuer", {"iss": "https://id.example.org/"}),
        ("token_not_yet_valid", {"nbf": NOW + LEEWAY + 1}),
        ("token_not_yet_valid", {"iat": NOW + LEEWAY + 1}),
        ("unknown_token_client", {"azp": "unknown-app"}),
        ("token_without_client", {"azp": None}),
        ("token_without_client", {"azp": ["portal-app"]}),
        ("token_end_user", {"sub": "an\nna"}),
    ],
)
def test_claims_that_do_not_hold_are_rejected(
    campus: Campus, reason: str, changes: dict[str, Any]
) -> None:
    assert campus.reason(campus.token(**changes)) == reason


@pytest.mark.parametrize("value", [True, "1e999", "soon", None, [1]])
def test_a_time_that_is_no_number_is_none(campus: Campus, value: Any) -> None:
    kid, key = next(iter(campus.provider.keys.items()))
    claims = {**campus.provider.claims(now=NOW), "exp": value}
    signed = jwt.PyJWS().encode(json.dumps(claims).encode(), key, "ES256", {"kid": kid})
    assert campus.reason(signed) == "token_without_expiry"


def test_clocks_may_differ_a_little(campus: Campus) -> None:
    late = campus.token(exp=NOW - LEEWAY + 1, nbf=NOW + LEEWAY, iat=NOW + LEEWAY)
    assert isinstance(campus.identify(late), Principal)
    assert LEEWAY <= 60


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt"])
def test_tokens_made_for_something_else_are_rejected(campus: Campus, kind: str) -> None:
    assert campus.reason(campus.token({"typ": kind})) == "token_type"


@pytest.mark.parametrize("headers", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": True}])
def test_critical_headers_are_refused(campus: Campus, headers: dict[str, Any]) -> None:
    header = {"kid": "key-1", "alg": "ES256", **headers}
    token = raw_token(header, campus.provider.claims(now=NOW))
    assert campus.reason(token) == "token_header_critical"


def test_none_is_no_algorithm(campus: Campus) -> None:
    for name in ("none", "None", "NONE", ""):
        token = raw_token({"kid": "key-1", "alg": name}, campus.provider.claims(now=NOW))
        assert campus.reason(token) == "token_algorithm"
        assert campus.reason(token.rpartition(".")[0] + ".") == "malformed_token"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_shared_secret(algorithm: str) -> None:
    """Algorithm confusion: signed by HMAC with the public key's own text."""
    campus = Campus("RS256")
    key = campus.provider.keys["key-1"]
    head = {"kid": "key-1", "alg": algorithm}
    unsigned = raw_token(head, campus.provider.claims(now=NOW)).rpartition(".")[0]
    hashing = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}
    signature = hmac.digest(public_pem(key), unsigned.encode(), hashing[algorithm])
    forged = f"{unsigned}.{base64url_encode(signature).decode()}"
    assert campus.reason(forged) == "token_algorithm"


def test_an_algorithm_that_the_provider_does_not_use_is_rejected() -> None:
    """The same RSA key could verify PS256, but the policy says RS256."""
    campus = Campus("RS256")
    row = campus.payload["token_providers"][0]
    for key in row["keys"]:
        del key["alg"]
    token = jwt.encode(
        campus.provider.claims(now=NOW), campus.provider.keys["key-1"], "PS256", {"kid": "key-1"}
    )
    assert campus.reason(token) == "token_algorithm"
    row["algorithms"] = ["PS256", "RS256"]
    assert isinstance(campus.identify(token), Principal)


@pytest.mark.parametrize(
    "change",
    [{"use": "enc"}, {"alg": "ES384"}, {"key_ops": ["encrypt"]}, {"kty": "RSA"}, {"crv": "P-384"},
     {"kid": None}, {"d": "AAAA"}, {"x": "!"}, {"key_ops": "verify"}],
)  # fmt: skip
def test_a_key_that_says_it_is_for_something_else_verifies_nothing(
    campus: Campus, change: dict[str, Any]
) -> None:
    row = campus.payload["token_providers"][0]
    row["keys"] = [{**row["keys"][0], **change}]
    assert campus.reason(campus.token()) == "unknown_token_key"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_short_rsa_key_verifies_nothing() -> None:
    campus = Campus("RS256")
    campus.provider.keys["key-1"] = rsa.generate_private_key(65_537, 1024)
    campus.payload["token_providers"] = [campus.provider.row()]
    assert campus.reason(campus.token()) == "unknown_token_key"


def test_an_unknown_kid_is_rejected_and_no_other_key_is_tried(campus: Campus) -> None:
    found = campus.identify(campus.token({"kid": "key-9"}))
    assert found == Reject("unknown_token_key", "token:idp", claimed="key-9")


def test_a_signature_of_another_key_is_rejected(campus: Campus) -> None:
    stranger = TokenProvider()
    forged = stranger.token(now=NOW)
    assert campus.identify(forged) == Reject("wrong_signature", "token:idp")


def test_a_token_altered_after_it_was_signed_is_rejected(campus: Campus) -> None:
    head, claims, signature = campus.token().split(".")
    other = campus.token(sub="bob").split(".")[1]
    assert campus.reason(f"{head}.{other}.{signature}") == "wrong_signature"
    assert campus.reason(f"{head}.{claims}.{signature[:-4]}AAAA") == "wrong_signature"


@pytest.mark.parametrize(
    "text",
    ["a.b.c", "...", ".", "a.b", "a.b.c.d.e", "ey.ey.ey", "é.é.é", "e30.e30.AAAA", "bnVsbA.e30.AA"],
)
def test_garbage_is_malformed(campus: Campus, text: str) -> None:
    assert campus.reason(text) == "malformed_token"


def test_a_long_token_is_refused_before_it_is_read(campus: Campus) -> None:
    long = campus.token(filler="x" * MAX_TOKEN)
    assert campus.reason(long) == "malformed_token"
    identity = BearerIdentity(Policy.from_payload(campus.payload))
    facts = campus.asks()
    assert median_seconds(lambda: identity.identify(long * 100, facts, 0), 50) < 0.001


def test_an_api_key_is_never_taken_for_a_token(campus: Campus) -> None:
    assert isinstance(campus.gate().identify(campus.asks()), Principal)
    assert campus.reason("skd_" + campus.token()) == "malformed_key"


def test_a_token_and_a_signed_url_are_two_credentials(campus: Campus) -> None:
    facts = campus.asks(query=campus.signed(), authorization=f"Bearer {campus.token()}")
    assert campus.gate().identify(facts) == Reject("two_credentials")


def test_on_behalf_of_must_be_the_end_user_of_the_token(campus: Campus) -> None:
    same = campus.identify(campus.token(), on_behalf_of="anna")
    assert (same.end_user, same.end_user_known) == ("anna", "token")
    reason = campus.reason(campus.token(), on_behalf_of="bob")
    assert reason == "on_behalf_of_differs_from_token"


def test_a_client_with_a_token_of_its_own_may_name_an_end_user(campus: Campus) -> None:
    """RFC 9068 2.2: without a person, sub names the client."""
    own = campus.token(sub="portal-app")
    assert campus.identify(own).end_user is None
    named = campus.identify(own, on_behalf_of="bob")
    assert (named.end_user, named.end_user_known) == ("bob", "asserted")
    assert campus.reason(own, on_behalf_of="b\0b") == "malformed_on_behalf_of"


def test_a_disabled_client_and_a_foreign_network_are_rejected(campus: Campus) -> None:
    campus.payload["clients"] = [client("campus", address_ranges=["10.0.0.0/8"])]
    assert campus.reason(campus.token(), address="192.0.2.1") == "address_outside"
    campus.payload["clients"] = [client("campus", enabled=False)]
    found = campus.identify(campus.token())
    assert found == Reject("client_disabled", "token:idp/3", "campus")


def test_a_remembered_token_ends_with_its_expiry_and_is_judged_anew(campus: Campus) -> None:
    gate, token = campus.gate(), campus.token()
    asks = campus.asks(authorization=f"Bearer {token}")
    assert isinstance(gate.identify(asks), Principal)
    other = campus.asks(authorization=f"Bearer {token}", on_behalf_of="bob")
    assert isinstance(gate.identify(other), Reject)
    campus.now = NOW + 300 + LEEWAY
    found = gate.identify(asks)
    assert isinstance(found, Reject)
    assert found.reason == "token_expired"


def test_remembering_is_much_faster_than_verifying(campus: Campus) -> None:
    gate, token = campus.gate(), campus.token()
    asks = campus.asks(authorization=f"Bearer {token}")
    again = median_seconds(lambda: gate.identify(asks))
    fresh = BearerIdentity(Policy.from_payload(campus.payload))

    def forget() -> None:
        fresh._verified.clear()
        fresh.identify(token, asks, NOW * 1_000_000_000)

    assert again * 3 < median_seconds(forget)


def test_what_is_remembered_is_bounded(campus: Campus) -> None:
    identity = BearerIdentity(Policy.from_payload(campus.payload))
    for number in range(MAX_CACHED):
        identity._verified[number.to_bytes(32, "big")] = None  # type: ignore[assignment]
    identity.identify(campus.token(), campus.asks(), NOW * 1_000_000_000)
    assert len(identity._verified) == MAX_CACHED


def test_an_unknown_key_takes_as_long_as_a_forged_signature(campus: Campus) -> None:
    identity = BearerIdentity(Policy.from_payload(campus.payload))
    asks = campus.asks()
    tokens = {
        "forged": campus.token().rpartition(".")[0] + "." + "A" * 86,
        "unknown kid": campus.token({"kid": "key-9"}),
        "unknown issuer": campus.token(iss="https://evil.example.org"),
        "none": raw_token({"kid": "key-1", "alg": "none"}, campus.provider.claims(now=NOW)),
    }
    took = {
        name: median_seconds(lambda token=token: identity.identify(token, asks, NOW * 10**9))
        for name, token in tokens.items()
    }
    assert took["unknown kid"] > took["forged"] / 2, took
    assert took["unknown issuer"] > took["forged"] / 2, took
    assert took["none"] > 10e-6, took


def test_a_policy_with_a_shared_secret_algorithm_is_invalid(campus: Campus) -> None:
    campus.payload["token_providers"] = [campus.provider.row(algorithms=["ES256", "HS256"])]
    with pytest.raises(PolicyInvalid, match="algorithms"):
        campus.gate()


def test_two_keys_with_one_kid_do_not_help_a_forger(campus: Campus) -> None:
    other = public_jwk(new_key("EdDSA"), "EdDSA", "key-1")
    row = campus.payload["token_providers"][0]
    row["keys"] = [*row["keys"], other]
    row["algorithms"] = ["ES256", "EdDSA"]
    assert isinstance(campus.identify(campus.token()), Principal)
