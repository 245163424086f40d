"""Where the server and the credentials come from: the environment, or a file that only its owner
can read. Never both: a key of one server must not travel to another.
"""

import os
from collections.abc import Mapping
from typing import Any

from contentserver.client.settings import from_config, from_environment

CONFIG_VARIABLE = "CONTENTCTL_CONFIG"
_SERVER = ("URL", "SECOND_URL", "API_KEY", "TOKEN", "URL_KEY_ID", "URL_KEY")


class BadSettings(Exception):
    """Server or credentials are missing or cannot be relied on; the text says what to do."""


def find_settings(
    profile: str | None,
    environ: Mapping[str, str] = os.environ,
    *,
    on_behalf_of: str | None = None,
) -> dict[str, Any]:
    """The arguments of a Client: a profile that is named; else the environment, if it says
    anything; else the file's first level. Raises BadSettings.
    """
    path = config_path(environ)
    try:
        if profile is None and any(environ.get(f"CONTENTSERVER_{name}") for name in _SERVER):
            return from_environment(environ, on_behalf_of=on_behalf_of)
        return from_config(path, profile=profile, on_behalf_of=on_behalf_of)
    except FileNotFoundError:
        raise BadSettings(
            f"no server is named: set CONTENTSERVER_URL and CONTENTSERVER_API_KEY, or write {path}"
        ) from None
    except OSError as error:
        raise BadSettings(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise BadSettings(str(error)) from None


def config_path(environ: Mapping[str, str]) -> str:
    """CONTENTCTL_CONFIG, else contentctl.toml in XDG_CONFIG_HOME or ~/.config."""
    if named := environ.get(CONFIG_VARIABLE):
        return named
    home = environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "contentctl.toml")
