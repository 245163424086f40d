"""The options of the storage: from STORAGES, from CONTENTSERVER_STORAGE, or the default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from contentserver.client.django_storage.names import folder
from contentserver.client.django_storage.pool import Server

SETTING: Final = "CONTENTSERVER_STORAGE"
_SECRETS: Final = ("api_key", "token", "url_key", "kid", "secret", "password")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """docs/clients.md says what each is for."""

    collection: str = ""
    url: str | None = None
    second_url: str | None = None
    public_url: str | None = None
    config: str | None = None
    prefix: str = ""
    overwrite: bool = False
    commit: Literal["on_save", "on_commit"] = "on_save"
    database: str = "default"
    url_lifetime: int = 300
    url_disposition: Literal["inline", "attachment"] | None = None
    end_user: str | Callable[[], str | None] | None = None
    timeout: float = 30.0
    retries: int = 5

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """Raises ImproperlyConfigured naming the option and the way out."""
        wanted = {**getattr(settings, SETTING, {}), **given}
        known = {field.name for field in fields(cls)}
        for name in wanted.keys() - known:
            raise ImproperlyConfigured(_unknown(name, known))
        options = cls(**wanted)
        options.check()
        return options

    def check(self) -> None:
        """Raises ImproperlyConfigured for what can never work."""
        allowed = {
            "commit": (self.commit, ("on_save", "on_commit")),
            "url_disposition": (self.url_disposition, (None, "inline", "attachment")),
        }
        for name, (value, values) in allowed.items():
            if value not in values:
                raise ImproperlyConfigured(f"{name} of the storage must be one of {values}")
        if not isinstance(self.url_lifetime, int) or self.url_lifetime < 1:
            raise ImproperlyConfigured("url_lifetime of the storage is in seconds, at least 1")

    @property
    def server(self) -> Server:
        return Server(self.url, self.second_url, self.config, self.timeout, self.retries)

    @property
    def folder(self) -> str:
        """The prefix with a slash at its end, or nothing."""
        return folder(self.prefix)

    def named_collection(self) -> str:
        """Raises ImproperlyConfigured without one: Django makes storages before they are used."""
        if not self.collection:
            raise ImproperlyConfigured(
                f"name the collection: OPTIONS of STORAGES, or {SETTING}, need 'collection'"
            )
        return self.collection

    def current_end_user(self) -> str | None:
        """The person for whom this is done, if the project says who."""
        who = import_string(self.end_user) if isinstance(self.end_user, str) else self.end_user
        return who() if who is not None else None


def _unknown(name: str, known: set[str]) -> str:
    if name in _SECRETS:
        return (
            f"{name!r} is a credential and does not belong to the storage's options: they stand in "
            "migrations and debug pages. Set CONTENTSERVER_API_KEY, CONTENTSERVER_URL_KEY_ID and "
            "CONTENTSERVER_URL_KEY in the environment, or name a file with 'config'"
        )
    return f"{name!r} is no option of ContentServerStorage; there are {', '.join(sorted(known))}"
