"""How a client is set up: checked arguments, and the pool of connections."""

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from contentserver.client.addresses import Addresses
from contentserver.client.asking import Config
from contentserver.client.paths import check_base
from contentserver.client.signing import UrlKey

CONNECT = 10.0  # seconds at most for a connection to come about; a dead address is found out sooner
Token = str | Callable[[], str]
Verify = bool | ssl.SSLContext


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of a client, by name. No secret stands in its repr."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    token: Token | None = field(default=None, repr=False)
    url_key: tuple[str, bytes] | None = field(default=None, repr=False)
    second_url: str | None = None
    on_behalf_of: str | None = None
    timeout: float = 30.0
    retries: int = 5
    verify: Verify = True

    def config(self) -> Config:
        """Raises ValueError naming the argument that is wrong."""
        if self.api_key and self.token:
            raise ValueError("api_key and token exclude each other; give one of them")
        if self.retries < 0 or self.timeout <= 0:
            raise ValueError("retries must not be negative, and timeout must be above 0 seconds")
        second = None if self.second_url is None else check_base(self.second_url, "second_url")
        return Config(
            addresses=Addresses(check_base(self.url, "url"), second, time.monotonic),
            api_key=self.api_key,
            token=self.token,
            url_key=None if self.url_key is None else UrlKey(*self.url_key),
            on_behalf_of=self.on_behalf_of,
            retries=self.retries,
        )

    def blocking(self) -> httpx.Client:
        """The pool of a Client."""
        return httpx.Client(timeout=self._timeout(), verify=self.verify, limits=LIMITS)

    def awaited(self) -> httpx.AsyncClient:
        """The pool of an AsyncClient."""
        return httpx.AsyncClient(timeout=self._timeout(), verify=self.verify, limits=LIMITS)

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.timeout, connect=min(self.timeout, CONNECT), pool=None)


LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)
