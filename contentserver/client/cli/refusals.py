"""Secrets are no arguments: every user of a machine sees those, and the shell writes them down."""

import re
from collections.abc import Sequence

_OPTIONS = re.compile(r"--?(api[-_]?key|key|token|bearer|url[-_]?key|secret|password|passwd)(=.*)?")
_API_KEY = re.compile(r"skd_[0-9A-Za-z]{12}_[0-9A-Za-z]{20,}")
_USER = re.compile(r"https?://[^/@\s]*:[^/@\s]*@", re.IGNORECASE)
INSTEAD = (
    "Put it into CONTENTSERVER_API_KEY (CONTENTSERVER_TOKEN, CONTENTSERVER_URL_KEY) or "
    "~/.config/contentctl.toml"
)


def find_secret(arguments: Sequence[str]) -> str | None:
    """Why these arguments are refused, without the secret itself; None if none of them is one."""
    for argument in arguments:
        if argument == "--":
            return None if not any(map(_is_secret, arguments)) else _shown("an API key")
        if found := _OPTIONS.fullmatch(argument):
            return _shown(f"--{found[1]}")
        if _is_secret(argument):
            return _shown("an API key" if _API_KEY.search(argument) else "a password in an address")
    return None


def _is_secret(argument: str) -> bool:
    return bool(_API_KEY.search(argument) or _USER.match(argument))


def _shown(name: str) -> str:
    return (
        f"{name} is no argument: others see it in the list of processes, and the shell keeps it. "
        f"{INSTEAD}, and replace the one that was just shown."
    )
