"""Rotating keys: a second one is issued, the first ends some days later. Nobody is interrupted."""

import datetime as dt
from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from skold.models import ApiKey, UrlKey
from skold.services.keys import IssuedKey, issue_api_key
from skold.services.rules import check_actor
from skold.services.url_keys import IssuedUrlKey, issue_url_key
from skold.urls import decode_wrapped, unwrap_url_key, wrap_url_key

USUAL_DAYS = 7
MAX_DAYS = 90


def rotate_api_key(*, actor: str, key: ApiKey, days: int = USUAL_DAYS) -> IssuedKey:
    """A second key of the same client and label; `key` opens until `days` days from now, or its own
    earlier end. 0 ends it at once.

    Raises ValidationError for a key that has ended, and where two are live already.
    """
    now = timezone.now()
    _check(actor, key, days, now)
    with transaction.atomic():
        if days == 0:  # makes room among the live keys
            _end(key, now)
        issued = issue_api_key(actor=actor, client=key.client, label=key.label)
        _end(key, now + dt.timedelta(days=days))
    return issued


def rotate_url_key(
    *, actor: str, key: UrlKey, wrapping_keys: Mapping[int, bytes], days: int = USUAL_DAYS
) -> IssuedUrlKey:
    """As `rotate_api_key`; the new signing key is wrapped under the newest of `wrapping_keys`.

    URLs that the old one has signed hold until it ends, or until they do.
    """
    now = timezone.now()
    _check(actor, key, days, now)
    with transaction.atomic():
        issued = issue_url_key(
            actor=actor, client=key.client, wrapping_keys=wrapping_keys, label=key.label
        )
        _end(key, now + dt.timedelta(days=days))
    return issued


def rewrap_url_keys(*, actor: str, wrapping_keys: Mapping[int, bytes]) -> list[str]:
    """Wrap every signing key under the newest wrapping key; their secrets, and so all signed URLs,
    stay. Returns the ids that were changed. Raises UrlKeyUnusable naming a key that does not open.
    """
    check_actor(actor)
    if not wrapping_keys:
        raise ValidationError(_("The data keyset holds no URL key."))
    newest = max(wrapping_keys)
    changed = []
    with transaction.atomic():
        for key in UrlKey.objects.select_for_update().exclude(wrapping=newest).order_by("pk"):
            secret = unwrap_url_key(
                wrapping_keys.get(key.wrapping, b""), key.pk, decode_wrapped(key.wrapped)
            )
            key.wrapped = wrap_url_key(wrapping_keys[newest], key.pk, secret)
            key.wrapping = newest
            key.save(update_fields=["wrapped", "wrapping"])
            changed.append(key.pk)
    return changed


def _check(actor: str, key: ApiKey | UrlKey, days: int, now: dt.datetime) -> None:
    check_actor(actor)
    if not 0 <= days <= MAX_DAYS:
        text = _("Choose 0 to %(days)d days.") % {"days": MAX_DAYS}
        raise ValidationError({"days": text})
    if not key.is_live(now):
        raise ValidationError(_("This key has ended. Issue a new one instead."), code="ended")


def _end(key: ApiKey | UrlKey, at: dt.datetime) -> None:
    """Never later than it would have ended anyway."""
    if key.expires_at is None or key.expires_at > at:
        key.expires_at = at
        key.save(update_fields=["expires_at"])
