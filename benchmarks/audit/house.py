"""A control plane over a PostgreSQL of its own: keys, policy and journal in a folder, Django in this
process. Import nothing that needs Django before `open_house`.
"""

import datetime as dt
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from environs import Env

from benchmarks.audit.tables import COLLECTIONS, EMPTY, FILES
from contentserver import runtime
from contentserver.conf import Config, read_config
from contentserver.operations import first_start
from contentserver.store.address import address_of

AUDITOR = "auditor"


def open_house(folder: Path, url: str) -> Config:
    """Make keys and layout in `folder`, bring the database up to date, start Django."""
    import django
    from django.core.management import call_command

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
    from django.db import connection

    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]


def addresses(config: Config) -> Iterator[tuple[str, str, str]]:
    """Collection, key and address of each file whose accesses are made."""
    naming = runtime.data_keyset(config).naming
    for number in range(FILES):
        # Half of all files are photos.
        collection = COLLECTIONS[max(0, number % 10 - 4)]
        key = f"2026/{number:07d}.jpg"
        yield collection, key, address_of(naming, collection, key).hex()


class Callers:
    """Somebody signed in to the admin, and a client with a key, who may both read the audit."""

    def __init__(self, config: Config) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client as Browser

        from contentserver.catalog.models import Collection
        from skold.models import Client
        from skold.services import create_client, give_grant, issue_api_key, revoke_api_key

        for name in (*COLLECTIONS, EMPTY):
            Collection.objects.get_or_create(name=name)
        user, _ = get_user_model().objects.get_or_create(
            username=AUDITOR, defaults={"is_staff": True, "is_superuser": True}
        )
        self.browser = Browser(SERVER_NAME="127.0.0.1")
        self.browser.force_login(user)
        client = Client.objects.filter(id=AUDITOR).first()
        if client is None:
            client = create_client(actor=AUDITOR, id=AUDITOR, name=AUDITOR)
            give_grant(actor=AUDITOR, client=client, collection="*", actions=["audit"])
        for key in client.api_keys.filter(revoked_at=None):
            revoke_api_key(actor=AUDITOR, key=key)
        self.key = issue_api_key(actor=AUDITOR, client=client).plaintext
        _publish(config)

    def get(self, path: str, search: Mapping[str, str]) -> Any:
        """Ask the admin or the API as whoever may."""
        headers = {"Authorization": f"Bearer {self.key}"} if path.startswith("/api/") else {}
        return self.browser.get(path, search, headers=headers)


def _publish(config: Config) -> None:
    """As the bridge does: now the gate knows the key."""
    from contentserver.catalog.rules import collection_rules
    from skold.publisher import Publisher

    Publisher(
        path=config.policy,
        sign_with=runtime.bridge_keyset(config).signing_key("policy"),
        verify_keys=runtime.data_keyset(config).verify_keys("policy"),
        collection_rules=collection_rules,
    ).publish()
