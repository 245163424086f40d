"""What must be on disk before anything runs: secrets, keysets, storage roots, a layout. No Django.

Safe to run at every start: what is there stays. The order is that of dependence, so a first start
that was cut short is finished by the next one; and what others depend on is never made anew,
because files encrypted under a lost key would then look like damage.
"""

import os
import secrets
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from contentserver.conf import Config
from contentserver.store import fileops
from contentserver.store.keyset import Keyset, create_keysets, new_root_key, read_root_key
from contentserver.store.roots import create_root
from skold.signed import publish, sign


class StartRefused(Exception):
    """Something that cannot be made again is missing; the text says what, and where it must come
    from.
    """


def prepare(config: Config, now: Callable[[], datetime] | None = None) -> bool:
    """Make what is missing, durably. Returns True at the very first start, False when all was
    there.

    Raises StartRefused when keys or the layout are gone while files that depend on them remain,
    OSError when a folder cannot be written.
    """
    today = now() if now else datetime.now(config.time_zone)
    fresh = not config.layout.exists()
    _make_private_folders(config)
    _make_secrets(config)
    _make_keysets(config, today.year)
    _make_roots(config)
    _make_layout(config, today.year)
    return fresh


def _make_private_folders(config: Config) -> None:
    config.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (config.django_key.parent, config.keys, config.run, *config.journal_dirs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    config.published.mkdir(mode=0o750, parents=True, exist_ok=True)


def _make_secrets(config: Config) -> None:
    for path, variable in (
        (config.data_root_key, "CONTENTSERVER_DATA_ROOT_KEY"),
        (config.bridge_root_key, "CONTENTSERVER_BRIDGE_ROOT_KEY"),
    ):
        if path.exists() or os.environ.get(variable):
            continue
        if config.data_keyset.exists() and config.bridge_keyset.exists():
            raise StartRefused(
                f"{path} is missing while keysets wrapped under it exist: put the root key back, "
                f"or give it in {variable}"
            )
        _write_secret(path, new_root_key().encode())
    if not config.django_key.exists() and not os.environ.get("DJANGO_SECRET_KEY"):
        _write_secret(config.django_key, secrets.token_urlsafe(48).encode())


def _make_keysets(config: Config, year: int) -> None:
    missing = [path for path in (config.data_keyset, config.bridge_keyset) if not path.exists()]
    if not missing:
        return
    in_use = _existing_roots(config)
    if in_use:
        raise StartRefused(
            f"{missing[0]} is missing while {in_use[0]} holds files encrypted under it: "
            "restore the keysets from the key backup"
        )
    create_keysets(
        config.keys,
        read_root_key(config.data_root_key, "data"),
        read_root_key(config.bridge_root_key, "bridge"),
        [year],
    )


def _make_roots(config: Config) -> None:
    if config.layout.exists():
        # A root that is not mounted must not look like an empty one: a new one is made on purpose,
        # by `manage.py create_root`.
        return
    existing = _existing_roots(config)
    for number, path in enumerate(config.roots, start=1):
        if path not in existing:
            create_root(path, f"root-{number}")


def _make_layout(config: Config, year: int) -> None:
    if config.layout.exists():
        return
    with_files = [root for root in config.roots if _has_years(root)]
    if with_files:
        raise StartRefused(
            f"{config.layout} is missing while {with_files[0]} holds files: restore the layout "
            "from the replica or the backup"
        )
    root_key = read_root_key(config.bridge_root_key, "bridge")
    keyset = Keyset.open(config.bridge_keyset, root_key, "bridge")
    payload = {"years": {str(year): [{"root": "root-1", "state": "open"}]}}
    publish(config.layout, sign("layout", 1, payload, *keyset.signing_key("layout")))


def _existing_roots(config: Config) -> list[Path]:
    return [root for root in config.roots if (root / "root.json").exists()]


def _has_years(root: Path) -> bool:
    return any(entry.name.isdigit() for entry in root.iterdir())


def _write_secret(path: Path, secret: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = fileops.open_root(path.parent)
    try:
        fileops.replace_durably(folder, path.name, secret + b"\n", 0o600)
    finally:
        os.close(folder)
