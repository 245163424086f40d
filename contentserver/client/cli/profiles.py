"""Where the server and the credentials come from: the environment, or a file that only its owner
can read. Never both: a key of one server must not travel to another.
"""

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VARIABLES = {
    "CONTENTSERVER_URL": "url",
    "CONTENTSERVER_SECOND_URL": "second_url",
    "CONTENTSERVER_API_KEY": "api_key",
    "CONTENTSERVER_TOKEN": "token",
    "CONTENTSERVER_URL_KEY_ID": "url_key_id",
    "CONTENTSERVER_URL_KEY": "url_key",
    "CONTENTSERVER_ON_BEHALF_OF": "on_behalf_of",
}
NAMES = tuple(VARIABLES.values())
CONFIG_VARIABLE = "CONTENTCTL_CONFIG"


class BadSettings(Exception):
    """Server or credentials are missing or cannot be relied on; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`url_key` is base64, as it was issued. Secrets stand in no repr."""

    url: str
    second_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    url_key_id: str | None = None
    url_key: str | None = field(default=None, repr=False)
    on_behalf_of: str | None = None


def find_settings(profile: str | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """A profile that is named; else the environment, if it says anything; else the file's first
    level. Raises BadSettings.
    """
    path = config_path(environ)
    given = {VARIABLES[name]: environ[name] for name in VARIABLES if environ.get(name)}
    if profile is None and given.keys() - {"on_behalf_of"}:
        if "url" not in given:
            raise BadSettings(
                "the environment has credentials but no CONTENTSERVER_URL: set it, or unset them "
                f"to use {path}"
            )
        return Settings(**given)
    return _from_file(path, profile)


def config_path(environ: Mapping[str, str]) -> str:
    """CONTENTCTL_CONFIG, else contentctl.toml in XDG_CONFIG_HOME or ~/.config."""
    if named := environ.get(CONFIG_VARIABLE):
        return named
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(
        environ.get("HOME") or os.path.expanduser("~"), ".config"
    )
    return os.path.join(home, "contentctl.toml")


def _from_file(path: str, profile: str | None) -> Settings:
    told = _read(path)
    profiles = told.pop("profiles", {})
    if not isinstance(profiles, dict) or not all(
        isinstance(one, dict) for one in profiles.values()
    ):
        raise BadSettings(f"{path}: profiles are tables: [profiles.NAME]")
    if profile is not None and profile not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise BadSettings(f"{path} has no profile {profile!r}; there are: {known}")
    where = path if profile is None else f"{path}, profile {profile}"
    return _checked(where, told if profile is None else profiles[profile])


def _read(path: str) -> dict[str, Any]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadSettings(
            f"no server is named: set CONTENTSERVER_URL and CONTENTSERVER_API_KEY, or write {path}"
        ) from None
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror}") from None
    with open(fd, "rb") as file:
        facts = os.fstat(fd)
        if facts.st_uid not in {os.geteuid(), 0}:
            raise BadSettings(f"{path} belongs to somebody else: make a file of your own")
        if facts.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadSettings(f"{path} can be read by others: chmod 600 {path}")
        try:
            return tomllib.load(file)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadSettings(f"{path} is no TOML: {error}") from None


def _checked(where: str, table: dict[str, Any]) -> Settings:
    for name, value in table.items():
        if name not in NAMES:
            raise BadSettings(f"{where}: {name!r} is unknown; there are {', '.join(NAMES)}")
        if not isinstance(value, str) or not value:
            raise BadSettings(f"{where}: {name} must be a text in quotes")
    if "url" not in table:
        raise BadSettings(f"{where}: url is missing")
    return Settings(**table)
