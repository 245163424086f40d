"""Checks that several services share."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def check_actor(actor: str) -> None:
    """Raise ValueError for an empty actor: nobody acts anonymously."""
    if not actor:
        raise ValueError("actor is empty: say who does it")


def check_expiry(expires_at: dt.datetime | None, now: dt.datetime) -> None:
    """Raise ValidationError when the end lies in the past."""
    if expires_at is not None and expires_at <= now:
        raise ValidationError(
            {"expires_at": _("The expiry has passed already. Give a later time, or none.")},
        )
