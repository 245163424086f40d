"""What somebody needs who tries the server for the first time. `initialise --demo` makes it."""

import json
import os
import secrets
from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import transaction

from contentserver.catalog.models import Collection
from contentserver.catalog.services import create_collection
from contentserver.conf import Config
from skold.models import OFFERED_ACTIONS, ApiKey, Client
from skold.services import create_client, give_grant, issue_api_key, revoke_api_key

ACTOR = "initialise"
COLLECTION = "archive"
CLIENT = "demo"
ADMIN = "admin"
LABEL = "demo.json"
FINAL = "demo.json"
UNANNOUNCED = "demo.json.new"


def make_demo(config: Config) -> bool:
    """A collection, a client with a key for everything, an administrator; their secrets are random.

    Written to `demo.json.new` (0600) in the home, which the supervisor turns into demo.json when
    the server answers. False, and nothing changed, if one of the two files is there already.
    """
    if (config.home / FINAL).exists() or (config.home / UNANNOUNCED).exists():
        return False
    with transaction.atomic():
        demo = {
            "url": config.public_url,
            "admin_url": f"{config.public_url}/admin/",
            "admin_user": ADMIN,
            "admin_password": _admin_password(),
            "collection": _collection(),
            "client_id": CLIENT,
            "api_key": _api_key(_client()),
        }
        # Inside the transaction: without the file nobody would know the secrets of the rows.
        _write(config.home / UNANNOUNCED, demo)
    return True


def _admin_password() -> str:
    password = secrets.token_urlsafe(15)
    users = get_user_model().objects
    user, _created = users.get_or_create(
        username=ADMIN, defaults={"is_staff": True, "is_superuser": True}
    )
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def _collection() -> str:
    if not Collection.objects.filter(name=COLLECTION).exists():
        inline = ["image/*", "text/plain", "application/pdf"]
        rules = {"description": "Made by the first start", "inline_types": inline}
        create_collection(actor=ACTOR, name=COLLECTION, rules=rules)
    return COLLECTION


def _client() -> Client:
    client = Client.objects.filter(id=CLIENT).first()
    if client is None:
        client = create_client(actor=ACTOR, id=CLIENT, name="Demo")
        give_grant(
            actor=ACTOR,
            client=client,
            collection="*",
            actions=[name for name, _ in OFFERED_ACTIONS],
        )
    return client


def _api_key(client: Client) -> str:
    """A new key in the place of the one that a lost demo.json named."""
    for key in ApiKey.objects.filter(client=client, label=LABEL, revoked_at=None):
        revoke_api_key(actor=ACTOR, key=key)
    return issue_api_key(actor=ACTOR, client=client, label=LABEL).plaintext


def _write(path: Path, demo: dict[str, str]) -> None:
    half = path.with_name(f".{path.name}.half")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(demo, file, indent=2)
        file.flush()
        os.fsync(descriptor)
    half.replace(path)
