"""A provider's keys over real HTTP: discovery, rotation, and everything that must stop it."""

from collections.abc import Iterator
from typing import Any

import pytest

from skold import key_fetching
from skold.json_web_keys import MAX_KEYS, KeySetInvalid, check_key_set
from skold.key_fetching import FetchFailed, Place, check_address, fetch_keys
from tests.support.token_provider import Served, TokenProvider, new_key, public_jwk, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving() as served:
        yield served


@pytest.fixture
def provider(server: Served) -> TokenProvider:
    made = TokenProvider()
    server.publish(made)
    return made


def place(provider: TokenProvider, jwks_url: str = "") -> Place:
    return Place(provider.issuer, jwks_url, (provider.algorithm,))


def test_keys_are_found_through_discovery_and_follow_a_rotation(
    server: Served, provider: TokenProvider
) -> None:
    assert [key["kid"] for key in fetch_keys(place(provider))] == ["key-1"]
    provider.rotate("key-2")
    server.publish(provider)
    assert [key["kid"] for key in fetch_keys(place(provider))] == ["key-1", "key-2"]


def test_a_configured_address_asks_no_discovery(server: Served, provider: TokenProvider) -> None:
    del server.answers["/.well-known/openid-configuration"]
    assert fetch_keys(place(provider, f"{server.url}/keys"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"issuer": "https://id.example.org", "jwks_uri": "x"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ([], "another issuer"),
        (b"<html>", "no JSON"),
        (b"", "no JSON"),
    ],
)
def test_a_discovery_document_that_is_not_the_issuers_is_refused(
    server: Served, provider: TokenProvider, answer: Any, said: str
) -> None:
    server.put("/.well-known/openid-configuration", answer)
    with pytest.raises(FetchFailed, match=said):
        fetch_keys(place(provider))


def test_discovery_does_not_lead_to_plain_http_elsewhere(
    server: Served, provider: TokenProvider
) -> None:
    found = {"issuer": server.url, "jwks_uri": "http://192.0.2.1/keys"}
    server.put("/.well-known/openid-configuration", found)
    with pytest.raises(FetchFailed, match="not https"):
        fetch_keys(place(provider))


def test_a_redirect_is_not_followed(server: Served, provider: TokenProvider) -> None:
    server.put("/moved", {}, 302, Location=f"{server.url}/keys")
    asked = len(server.asked)
    with pytest.raises(FetchFailed, match="redirects"):
        fetch_keys(place(provider, f"{server.url}/moved"))
    assert server.asked[asked:] == ["/moved"]


def test_errors_size_and_time_are_bounded(
    server: Served, provider: TokenProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("/broken", {}, 500)
    with pytest.raises(FetchFailed, match="answers 500"):
        fetch_keys(place(provider, f"{server.url}/broken"))
    server.put("/large", b" " * (key_fetching.MAX_BYTES + 1))
    with pytest.raises(FetchFailed, match="more than 512 KiB"):
        fetch_keys(place(provider, f"{server.url}/large"))
    times = iter([0.0, key_fetching.SECONDS + 1, key_fetching.SECONDS + 1])
    with pytest.raises(FetchFailed, match="longer than 10 s"):
        fetch_keys(place(provider, f"{server.url}/keys"), clock=lambda: next(times))
    with pytest.raises(FetchFailed, match="cannot be reached"):
        fetch_keys(place(provider, "http://127.0.0.1:1/keys"))


def test_tls_is_verified(server: Served, provider: TokenProvider) -> None:
    address = server.url.replace("http:", "https:") + "/keys"
    with pytest.raises(FetchFailed, match="cannot be reached"):
        fetch_keys(place(provider, address))


@pytest.mark.parametrize(
    "url",
    ["http://id.example.org", "ftp://127.0.0.1/", "https://", "https://u:p@id.example.org/",
     "file:///etc/passwd", "https://id.example.org/#x", "https://[", "http://127.0.0.1.example.org/",
     "https://id.example.org:port/"],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(FetchFailed):
        check_address(url)


@pytest.mark.parametrize(
    "url", ["https://id.example.org/x", "http://[::1]:80/", "http://localhost"]
)
def test_https_and_loopback_are_taken(url: str) -> None:
    check_address(url)


def test_a_set_with_anything_private_is_refused_whole(provider: TokenProvider) -> None:
    good = provider.jwks["keys"]
    for member in ("d", "k", "p"):
        shared = {"kty": "oct", "kid": "s", member: "AAAA"}
        with pytest.raises(KeySetInvalid, match="private"):
            check_key_set({"keys": [*good, shared]}, ["ES256"])


def test_keys_for_other_purposes_are_left_out(provider: TokenProvider) -> None:
    good = provider.jwks["keys"]
    others = [
        public_jwk(new_key("EdDSA"), "EdDSA", "other-algorithm"),
        {**public_jwk(new_key(), "ES256", "encrypts"), "use": "enc"},
        {"kty": "unknown", "kid": "unknown"},
        {key: value for key, value in good[0].items() if key != "kid"},
    ]
    assert [key["kid"] for key in check_key_set({"keys": [*others, *good]}, ["ES256"])] == ["key-1"]
    with pytest.raises(KeySetInvalid, match="no key with a kid"):
        check_key_set({"keys": others}, ["ES256"])


def test_two_keys_of_one_kid_and_endless_sets_are_refused(provider: TokenProvider) -> None:
    good = provider.jwks["keys"]
    with pytest.raises(KeySetInvalid, match="same kid"):
        check_key_set({"keys": [*good, public_jwk(new_key(), "ES256", "key-1")]}, ["ES256"])
    with pytest.raises(KeySetInvalid, match="more than"):
        check_key_set({"keys": [{}] * (MAX_KEYS + 1)}, ["ES256"])
    for document in ([], {"keys": {}}, {"keys": ["x"]}, None):
        with pytest.raises(KeySetInvalid, match="no JWK set"):
            check_key_set(document, ["ES256"])
