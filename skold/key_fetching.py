"""Fetch a token provider's keys: OpenID Connect Discovery 1.0 section 4, then its JWK set.

Bounded in time and size, over verified TLS; plain HTTP on loopback alone. No redirect is followed:
what the keys are is said by exactly the address that was configured. Knows no Django.
"""

import ipaddress
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from skold.json_web_keys import KeySetInvalid, check_key_set

MAX_BYTES = 512 * 1024
SECONDS = 10.0
"""For one document, whole."""


class FetchFailed(Exception):
    """No keys; the text says which address, what was wrong, and is fit for a page."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a provider's keys are. `jwks_url` empty: asked from the discovery document."""

    issuer: str
    jwks_url: str
    algorithms: tuple[str, ...]


def fetch_keys(
    place: Place,
    *,
    trust: ssl.SSLContext | bool = True,
    clock: Callable[[], float] = time.monotonic,
) -> list[dict[str, Any]]:
    """The keys that can verify tokens of this provider. Raises FetchFailed."""
    with httpx.Client(
        timeout=SECONDS / 2, follow_redirects=False, verify=trust, trust_env=False
    ) as http:
        reader = _Reader(http, clock)
        address = place.jwks_url or _discover(reader, place.issuer)
        document = reader.get(address)
    try:
        return check_key_set(document, place.algorithms)
    except KeySetInvalid as error:
        raise FetchFailed(f"{address}: {error}") from error


def check_address(url: str) -> None:
    """Raises FetchFailed unless it is https, or http on loopback, and nothing but an address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise FetchFailed(f"{url} is no address: {error}") from error
    if not host or parts.username is not None or parts.fragment:
        raise FetchFailed(f"{url} is no plain address; write https://host/path")
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return
    raise FetchFailed(f"{url} is not https; keys that anybody may replace on the way prove nothing")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _discover(reader: "_Reader", issuer: str) -> str:
    address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    document = reader.get(address)
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise FetchFailed(f"{address} speaks for another issuer than {issuer}")
    found = document.get("jwks_uri")
    if not isinstance(found, str):
        raise FetchFailed(f"{address} names no jwks_uri; set the address of the keys")
    return found


class _Reader:
    """Gets JSON documents within the bounds."""

    def __init__(self, http: httpx.Client, clock: Callable[[], float]) -> None:
        self._http = http
        self._clock = clock

    def get(self, address: str) -> Any:
        check_address(address)
        deadline = self._clock() + SECONDS
        try:
            with self._http.stream(
                "GET", address, headers={"Accept": "application/json"}
            ) as response:
                if response.is_redirect:
                    raise FetchFailed(f"{address} redirects; set the address it leads to")
                if response.status_code != httpx.codes.OK:
                    raise FetchFailed(f"{address} answers {response.status_code}")
                raw = self._collect(response.iter_bytes(), address, deadline)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            said = str(error) or type(error).__name__
            raise FetchFailed(f"{address} cannot be reached: {said}") from error
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise FetchFailed(f"{address} answers no JSON") from error

    def _collect(self, pieces: Iterable[bytes], address: str, deadline: float) -> bytes:
        raw = bytearray()
        for piece in pieces:
            raw += piece
            if len(raw) > MAX_BYTES:
                raise FetchFailed(f"{address} answers more than {MAX_BYTES // 1024} KiB")
            if self._clock() > deadline:
                raise FetchFailed(f"{address} took longer than {SECONDS:.0f} s")
        return bytes(raw)
