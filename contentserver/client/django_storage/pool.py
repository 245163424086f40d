"""One client for each server and process, shared by all storages and threads of it.

Its connections are never used on both sides of a fork: gunicorn and uvicorn load an application
and fork afterwards, and two processes on one connection would read each other's answers.
"""

import os
import threading
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from contentserver.client import Client
from contentserver.client.errors import ClientError

CREDENTIALS = ("CONTENTSERVER_API_KEY", "CONTENTSERVER_URL_KEY_ID", "CONTENTSERVER_URL_KEY")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a storage finds its server and its credentials; no secret is in it."""

    url: str | None
    second_url: str | None
    config: str | None
    timeout: float
    retries: int

    def connect(self) -> Client:
        """A client of its own. Raises ImproperlyConfigured."""
        addresses = {"url": self.url, "second_url": self.second_url}
        named = {name: value for name, value in addresses.items() if value}
        more: dict[str, Any] = {"timeout": self.timeout, "retries": self.retries}
        try:
            if self.config:
                return Client.from_config(self.config, **named, **more)
            return Client.from_environment(_environment(named), **more)
        except (ClientError, ValueError, OSError) as error:
            raise ImproperlyConfigured(f"The content server's storage: {error}") from error


class Pool:
    """Clients by server."""

    def __init__(self) -> None:
        self._clients: dict[Server, Client] = {}
        self._lock = threading.Lock()
        self._of_the_parent: list[dict[Server, Client]] = []

    def client(self, server: Server) -> Client:
        """The process's client of `server`, made at the first use. Raises ImproperlyConfigured."""
        with self._lock:
            if (client := self._clients.get(server)) is None:
                client = self._clients[server] = server.connect()
            return client

    def forget(self) -> None:
        """Make new clients from now on; those in use go on, and end with their users."""
        with self._lock:
            self._clients = {}

    def after_fork(self) -> None:
        """In the child: the parent's connections are kept from the garbage collector, which would
        take leave of the server on them.
        """
        self._lock = threading.Lock()
        self._of_the_parent.append(self._clients)
        self._clients = {}


def _environment(addresses: dict[str, str]) -> dict[str, str]:
    """The environment, under credentials of Django's settings and addresses of the options."""
    found = {name: getattr(settings, name, None) for name in CREDENTIALS}
    known = {name: str(value) for name, value in found.items() if value}
    named = {f"CONTENTSERVER_{name.upper()}": value for name, value in addresses.items()}
    return {**os.environ, **known, **named}


def _changed(*, setting: str, **_: object) -> None:
    if setting in CREDENTIALS:
        pool.forget()


pool = Pool()
os.register_at_fork(after_in_child=pool.after_fork)
setting_changed.connect(_changed, dispatch_uid="contentserver.client.django_storage")
