"""The policy, from the database to the signed file that every data-plane process reads.

A number is committed in the database before the file of that number is written. So a file that is
ahead of the database says that the database was restored from an older backup, and then nothing is
published until an operator has seen and confirmed the difference (skold.restored_policy).
"""

import copy
import datetime as dt
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from skold.high_water import HighWater
from skold.models import ApiKey, Client, Grant, PolicyState, UrlKey
from skold.published_identities import identity_rows
from skold.signed import Document, SignatureInvalid, publish, sign, verify

KIND = "policy"
RESTAMP_SECONDS = 60.0
log = logging.getLogger(__name__)

CollectionRules = Callable[[], dict[str, dict[str, Any]]]
Attachments = Callable[[], dict[str, Any]]


class PolicyNewerOnDiskError(Exception):
    """The file's number is higher than any this database has given: it was restored from a
    backup."""

    def __init__(self, on_disk: int, in_database: int) -> None:
        super().__init__(
            f"policy.json on disk has number {on_disk}, the database only knows {in_database}:"
            " it was restored from a backup. Nothing is published until `manage.py confirm_policy`"
            " has shown you the difference and you have confirmed it."
        )
        self.on_disk = on_disk
        self.in_database = in_database


class Publisher:
    """Publishes within a poll of a change, and once a minute so that the policy's age stays small.

    `collection_rules` gives the rules of all collections, as the policy carries them;
    `attachments` what others add under names of their own. One publisher at a time writes a path:
    the bridge of the node.
    """

    def __init__(
        self,
        *,
        path: str | os.PathLike[str],
        sign_with: tuple[str, Ed25519PrivateKey],
        verify_keys: Mapping[str, bytes],
        collection_rules: CollectionRules,
        attachments: Attachments = dict,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = os.fspath(path)
        self._key_id, self._key = sign_with
        self._verify_keys = verify_keys
        self._collection_rules = collection_rules
        self._attachments = attachments
        self._monotonic = monotonic
        self._published_at: float | None = None
        self._published: tuple[Any, Any] | None = None

    def step(self) -> int | None:
        """Publish if there is a change or the last stamp is a minute old; the number, or None.

        Call it at least twice a second. Raises PolicyNewerOnDiskError, django.db.Error, OSError;
        after any of them the next call tries again.
        """
        return self.publish() if self._is_due() else None

    def publish(self) -> int:
        """Publish now. Returns the number; raises as `step`."""
        self._published_at = None  # until the file stands, the next step is due
        number, payload = self._take_number(number_on_disk(self._path, self._verify_keys))
        publish(self._path, sign(KIND, number, payload, self._key_id, self._key))
        self._published_at = self._monotonic()
        self._published = copy.deepcopy((payload["collections"], payload["attached"]))
        return number

    def _is_due(self) -> bool:
        if self._published_at is None or self._monotonic() - self._published_at >= RESTAMP_SECONDS:
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM skold_policy_change)")
            row = cursor.fetchone()
        return bool(row and row[0]) or self._published != (
            self._collection_rules(),
            self._attachments(),
        )

    @transaction.atomic
    def _take_number(self, on_disk: int) -> tuple[int, dict[str, Any]]:
        state = lock_state()
        if on_disk > state.number:
            raise PolicyNewerOnDiskError(on_disk, state.number)
        state.number = max(on_disk, state.number) + 1
        state.published_at = dt.datetime.now(dt.UTC)
        state.save()
        with connection.cursor() as cursor:
            # Before the payload is read: what commits after this stays queued for the next policy.
            cursor.execute("DELETE FROM skold_policy_change")
        return state.number, build_payload(self._collection_rules(), self._attachments())


def lock_state() -> PolicyState:
    """The state row, locked until the transaction ends, made at first use."""
    PolicyState.objects.get_or_create(id=1)
    return PolicyState.objects.select_for_update().get(id=1)


def number_on_disk(path: str, verify_keys: Mapping[str, bytes]) -> int:
    """The highest number that readers have seen, or could see now; they would refuse a lower
    one."""
    document = find_document(path, verify_keys)
    return max(document.number if document else 0, HighWater(Path(path)).read())


def find_document(path: str, verify_keys: Mapping[str, bytes]) -> Document | None:
    """The policy on disk; None when there is none, or one that does not verify (then with an alarm:
    the next publication replaces it)."""
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except FileNotFoundError:
        return None
    try:
        return verify(raw, KIND, verify_keys)
    except SignatureInvalid:
        log.exception("policy_unreadable: %s does not verify; it is replaced", path)
        return None


def build_payload(
    collections: dict[str, dict[str, Any]], attached: dict[str, Any]
) -> dict[str, Any]:
    """The policy's payload from the current rows. Revoked keys are left out: unknown is refused.

    Clients are read last: nothing read before them can name one that is missing.
    """
    keys = [_api_key(key) for key in ApiKey.objects.filter(revoked_at=None).order_by("id")]
    url_keys = [_url_key(key) for key in UrlKey.objects.filter(revoked_at=None).order_by("id")]
    identities = identity_rows()
    grants = [_grant(grant) for grant in Grant.objects.order_by("id")]
    clients = [_client(client) for client in Client.objects.order_by("id")]
    return {
        "clients": clients,
        "keys": keys,
        "url_keys": url_keys,
        **identities,
        "grants": grants,
        "collections": collections,
        "attached": attached,
    }


def _client(client: Client) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "enabled": client.enabled,
        "address_ranges": client.address_ranges,
        "may_act_for": str(client.may_act_for),
        "requests_per_second": client.requests_per_second,
    }


def _api_key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "client": key.client_id,
        "sha256": key.sha256,
        "expires": _epoch(key.expires_at),
    }


def _url_key(key: UrlKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "client": key.client_id,
        "wrapped": key.wrapped,
        "wrapping": key.wrapping,
        "expires": _epoch(key.expires_at),
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.pk,
        "client": grant.client_id,
        "collection": grant.collection,
        "actions": sorted(grant.actions),
        "prefix": grant.prefix,
        "first_year": grant.first_year,
        "last_year": grant.last_year,
    }


def _epoch(moment: dt.datetime | None) -> int | None:
    """Whole seconds, rounded down: a key never lives longer than it was given."""
    return None if moment is None else int(moment.timestamp())
