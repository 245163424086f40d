"""A control plane over a PostgreSQL of its own: keys and journal in a folder, Django started here.

What needs Django's models (callers, measure) can be imported after `open_house`.
"""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection
from environs import Env

from benchmarks.audit.tables import COLLECTIONS, FILES
from contentserver import runtime
from contentserver.conf import Config, read_config
from contentserver.operations import first_start
from contentserver.store.address import address_of


def open_house(folder: Path, url: str) -> Config:
    """Make keys and layout in `folder`, bring the database up to date, start Django."""
    os.environ |= {
        "CONTENTSERVER_HOME": str(folder),
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "contentserver.settings",
        "DJANGO_SECRET_KEY": "of a benchmark that lives for minutes and listens nowhere",
    }
    config = read_config(Env())
    first_start.prepare(config, lambda: dt.datetime.now(config.time_zone))
    django.setup()
    call_command("migrate", verbosity=0)
    return config


def close_house() -> None:
    """Give the connections back, before the PostgreSQL ends that they lead to."""
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # of PostgreSQL's connections alone


def addresses(config: Config) -> Iterator[tuple[str, str, str]]:
    """Collection, key and address of each file whose accesses are made."""
    naming = runtime.data_keyset(config).naming
    for number in range(FILES):
        # Half of all files are photos.
        collection = COLLECTIONS[max(0, number % 10 - 4)]
        key = f"2026/{number:07d}.jpg"
        yield collection, key, address_of(naming, collection, key).hex()
