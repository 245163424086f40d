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
_TEXTS: Final = ("url", "second_url", "api_key", "url_key_id", "url_key", "on_behalf_of")
_NUMBERS: Final = ("timeout", "retries")


def from_environment(environment: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """CONTENTSERVER_URL, _SECOND_URL, _API_KEY, _URL_KEY_ID, _URL_KEY (base64, as it was issued).
    Raises ValueError naming the variable.
    """
    found = os.environ if environment is None else environment
    given = {name: found.get(PREFIX + name.upper()) for name in _TEXTS}
    given.pop("on_behalf_of")
    return _settings(given, lambda name: PREFIX + name.upper(), more)


def from_config(path: str | os.PathLike[str], **more: Any) -> dict[str, Any]:
    """A TOML file with the same names in lower case (`url`, `api_key`, …), and `on_behalf_of`,
    `timeout`, `retries`. Raises ValueError naming the entry, or where others than the owner may
    read the file; OSError.
    """
    with Path(path).open("rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise ValueError(f"others may read {path}, which holds secrets; chmod 600 it")
        found = tomllib.load(file)
    unknown = found.keys() - {*_TEXTS, *_NUMBERS}
    if unknown:
        raise ValueError(f"{path}: {min(unknown)} is not known; known: {', '.join(_TEXTS)}")
    wrong = [name for name in _TEXTS if not isinstance(found.get(name, ""), str)]
    if wrong:
        raise ValueError(f"{path}: {wrong[0]} is a text in quotes")
    numbers: dict[str, Any] = {name: found[name] for name in _NUMBERS if name in found}
    given = {name: found.get(name) for name in _TEXTS}
    return _settings(given, lambda name: f"{path}: {name}", {**numbers, **more})


def _settings(
    given: Mapping[str, str | None], called: Any, more: Mapping[str, Any]
) -> dict[str, Any]:
    if not given.get("url"):
        raise ValueError(f"{called('url')} is missing: the address of the server")
    kept: dict[str, Any] = {
        name: value for name, value in given.items() if value and "url_key" not in name
    }
    kept["url_key"] = _url_key(given.get("url_key_id"), given.get("url_key"), called)
    return {**kept, **more}


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
