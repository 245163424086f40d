"""Signing keys of clients: the secret leaves once, and is kept only wrapped under a key of the
data keyset."""

import base64
import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from skold.models import Client, UrlKey
from skold.services.rules import check_actor, check_expiry
from skold.urls import new_url_secret, wrap_url_key


@dataclass(frozen=True, slots=True)
class IssuedUrlKey:
    """A new signing key and its secret (base64 of 32 bytes), which no repr and so no log shows."""

    key: UrlKey
    secret: str = field(repr=False)


def issue_url_key(
    *,
    actor: str,
    client: Client,
    wrapping_keys: Mapping[int, bytes],
    label: str = "",
    expires_at: dt.datetime | None = None,
) -> IssuedUrlKey:
    """A new signing key, wrapped under the newest of `wrapping_keys` (the data keyset's URL keys).

    Raises ValidationError when there is no wrapping key or `expires_at` has passed.
    """
    check_actor(actor)
    check_expiry(expires_at, timezone.now())
    if not wrapping_keys:
        raise ValidationError(
            _("The data keyset holds no URL key. Add one before issuing signing keys.")
        )
    wrapping = max(wrapping_keys)
    kid, secret = secrets.token_hex(8), new_url_secret()
    key = UrlKey(
        id=kid,
        client=client,
        label=label,
        wrapped=wrap_url_key(wrapping_keys[wrapping], kid, secret),
        wrapping=wrapping,
        expires_at=expires_at,
        created_by=actor,
    )
    key.full_clean()
    key.save(force_insert=True)
    return IssuedUrlKey(key, base64.b64encode(secret).decode())


def revoke_url_key(*, actor: str, key: UrlKey) -> UrlKey:
    """End a signing key for good: its signatures die with the next policy. The first time and
    actor stay."""
    check_actor(actor)
    UrlKey.objects.filter(pk=key.pk, revoked_at=None).update(
        revoked_at=timezone.now(), revoked_by=actor
    )
    key.refresh_from_db()
    return key
