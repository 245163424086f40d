"""A client's arguments from the environment or a file, so that no secret stands in an argument of a
program.
"""

import base64
import binascii
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "CONTENTSERVER_"
_TEXTS: Final = ("url", "second_url", "api_key", "token", "url_key_id", "url_key", "on_behalf_of")
_NUMBERS: Final = ("timeout", "retries")


def from_environment(environment: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """CONTENTSERVER_URL, _SECOND_URL, _API_KEY or _TOKEN, _URL_KEY_ID, _URL_KEY (base64, as it was
    issued). Raises ValueError naming the variable.
    """
    found = os.environ if environment is None else environment
    given = {name: found.get(PREFIX + name.upper()) for name in _TEXTS}
    given.pop("on_behalf_of")
    return _settings(given, lambda name: PREFIX + name.upper(), more)


def from_config(
    path: str | os.PathLike[str], *, profile: str | None = None, **more: Any
) -> dict[str, Any]:
    """A TOML file with the same names in lower case (`url`, `api_key`, …), and `on_behalf_of`,
    `timeout`, `retries`; with `profile` its table `[profiles.NAME]`, whole for itself. Raises
    ValueError naming the entry, or where others than the owner may read the file; OSError.
    """
    called = f"{path}" if profile is None else f"{path}, profile {profile}"
    found = _table(path, profile)
    unknown = found.keys() - {*_TEXTS, *_NUMBERS}
    if unknown:
        raise ValueError(f"{called}: {min(unknown)} is not known; known: {', '.join(_TEXTS)}")
    wrong = [name for name in _TEXTS if not isinstance(found.get(name, ""), str)]
    if wrong:
        raise ValueError(f"{called}: {wrong[0]} is a text in quotes")
    numbers: dict[str, Any] = {name: found[name] for name in _NUMBERS if name in found}
    given = {name: found.get(name) for name in _TEXTS}
    return _settings(given, lambda name: f"{called}: {name}", {**numbers, **more})


def _table(path: str | os.PathLike[str], profile: str | None) -> dict[str, Any]:
    """The first level of the file, or a profile."""
    with Path(path).open("rb") as file:
        facts = os.fstat(file.fileno())
        if stat.S_IMODE(facts.st_mode) & 0o077:
            raise ValueError(f"others may read {path}, which holds secrets; chmod 600 {path}")
        if facts.st_uid not in {0, os.geteuid()}:
            raise ValueError(f"{path} belongs to somebody else; make a file of your own")
        try:
            found = tomllib.load(file)
        except ValueError as error:
            raise ValueError(f"{path} is no TOML: {error}") from None
    profiles = found.pop("profiles", {})
    if not isinstance(profiles, dict) or not all(
        isinstance(one, dict) for one in profiles.values()
    ):
        raise ValueError(f"{path}: profiles are tables, [profiles.NAME]")
    if profile is None:
        return found
    if profile not in profiles:
        there = ", ".join(sorted(profiles)) or "none"
        raise ValueError(f"{path} has no profile {profile!r}; there are: {there}")
    chosen: dict[str, Any] = profiles[profile]
    return chosen


def _settings(
    given: Mapping[str, str | None], called: Any, more: Mapping[str, Any]
) -> dict[str, Any]:
    if not given.get("url"):
        raise ValueError(f"{called('url')} is missing: the address of the server")
    kept: dict[str, Any] = {
        name: value for name, value in given.items() if value and "url_key" not in name
    }
    kept["url_key"] = _url_key(given.get("url_key_id"), given.get("url_key"), called)
    return {**kept, **{name: value for name, value in more.items() if value is not None}}


def _url_key(kid: str | None, secret: str | None, called: Any) -> tuple[str, bytes] | None:
    if not kid and not secret:
        return None
    if not kid or not secret:
        missing = called("url_key" if kid else "url_key_id")
        raise ValueError(f"{missing} is missing; signing needs the key's id and its secret")
    try:
        return kid, base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise ValueError(f"{called('url_key')} is not base64, as it was issued") from None
