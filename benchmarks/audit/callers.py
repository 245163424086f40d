"""Who asks for pages of the audit."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.test import Client as Browser

from benchmarks.audit.tables import COLLECTIONS, EMPTY
from contentserver import runtime
from contentserver.catalog.models import Collection
from contentserver.catalog.rules import collection_rules
from contentserver.conf import Config
from skold.models import Client
from skold.publisher import Publisher
from skold.services import create_client, give_grant, issue_api_key, revoke_api_key

AUDITOR = "auditor"


class Callers:
    """Somebody signed in to the admin, and a client with a key, who may both read the audit."""

    def __init__(self, config: Config) -> None:

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

    Publisher(
        path=config.policy,
        sign_with=runtime.bridge_keyset(config).signing_key("policy"),
        verify_keys=runtime.data_keyset(config).verify_keys("policy"),
        collection_rules=collection_rules,
    ).publish()
