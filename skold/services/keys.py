"""API keys. The plaintext exists in the answer to `issue_api_key` and nowhere else."""

import datetime as dt
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from skold.credentials import new_api_key
from skold.models import ApiKey, Client
from skold.services.rules import check_actor, check_expiry

LIVE_KEYS = 2
"""Two, so that a key can be replaced without an interruption."""


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key and its plaintext, which no repr and so no log shows."""

    key: ApiKey
    plaintext: str = field(repr=False)


def issue_api_key(
    *, actor: str, client: Client, label: str = "", expires_at: dt.datetime | None = None
) -> IssuedKey:
    """A new key of the client; it opens nothing before the next policy is published (1 s).

    Raises ValidationError when the client has two live keys already, or `expires_at` has passed.
    """
    check_actor(actor)
    now = timezone.now()
    check_expiry(expires_at, now)
    with transaction.atomic():
        # The lock lets two issuers of the same client count one after the other.
        owner = Client.objects.select_for_update().get(pk=client.pk)
        not_expired = Q(expires_at=None) | Q(expires_at__gt=now)
        if owner.api_keys.filter(not_expired, revoked_at=None).count() >= LIVE_KEYS:
            raise ValidationError(
                _("%(client)s has %(limit)d live keys already. Revoke one first."),
                params={"client": owner.pk, "limit": LIVE_KEYS},
                code="too_many_keys",
            )
        key_id, plaintext, sha256 = new_api_key()
        key = ApiKey(
            id=key_id,
            client=owner,
            label=label,
            sha256=sha256,
            expires_at=expires_at,
            created_by=actor,
        )
        key.full_clean()
        key.save(force_insert=True)
    return IssuedKey(key, plaintext)


def revoke_api_key(*, actor: str, key: ApiKey) -> ApiKey:
    """End a key for good. Revoking it again changes nothing: the first time and actor stay."""
    check_actor(actor)
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
        revoked_at=timezone.now(), revoked_by=actor
    )
    key.refresh_from_db()
    return key
