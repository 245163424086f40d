"""What the commands on clients and keys share: errors in one sentence, rows as text."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from skold.models import Client
from skold.services.rotation import USUAL_DAYS


def get_client(name: str) -> Client:
    """Raises CommandError."""
    found = Client.objects.filter(pk=name).first()
    if found is None:
        text = _("There is no client %(name)s; `manage.py client list` shows all.")
        raise CommandError(text % {"name": name})
    return found


@contextmanager
def sentences() -> Iterator[None]:
    """What a service refuses, as one sentence with the field."""
    try:
        yield
    except ValidationError as error:
        raise CommandError(sentence(error)) from error


def add_days(parser: Any) -> None:
    """The option that all rotations have."""
    parser.add_argument(
        "--days", type=int, default=USUAL_DAYS, metavar="N",
        help=_("days until the old key ends, 0 to 90; default %(default)s"),
    )  # fmt: skip


def as_json(facts: Any) -> str:
    return json.dumps(facts, indent=2, ensure_ascii=False, default=str)


def facts_of(key: Any) -> dict[str, Any]:
    """A key without its secret."""
    return {
        "id": key.pk,
        "client": key.client_id,
        "label": key.label,
        "created_at": _time(key.created_at),
        "expires_at": _time(key.expires_at),
        "revoked_at": _time(key.revoked_at),
        "last_used_at": _time(getattr(key, "last_used_at", None)),
    }


def line_of(key: Any, now: datetime) -> str:
    """One key for the terminal."""
    used = getattr(key, "last_used_at", None)
    state = _("live") if key.is_live(now) else _("revoked") if key.revoked_at else _("expired")
    ends = key.expires_at.strftime("%Y-%m-%d %H:%M") if key.expires_at else _("no end")
    last = used.strftime("%Y-%m-%d %H:%M") if used else _("never used")
    return f"{key.pk}  {key.client_id}  {state}  {ends}  {last}  {key.label}".rstrip()


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def sentence(error: ValidationError) -> str:
    """All messages, each behind its field."""
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(
        f"{field}: {message}" if field != "__all__" else message
        for field, messages in error.message_dict.items()
        for message in messages
    )
