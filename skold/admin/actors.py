"""Who acts, when a person uses the admin."""

from typing import Any

from django.http import HttpRequest

from skold.control.recording import ControlAccess


def actor_of(request: HttpRequest) -> str:
    """The name that services keep: it cannot be mistaken for a client's."""
    return f"admin:{request.user.get_username()}"


def name_made(request: HttpRequest, made: Any) -> None:
    """Let the record of this access say what it made."""
    access = getattr(request, "control_access", None)
    if isinstance(access, ControlAccess):
        access.made = f"{made._meta.label_lower}:{made.pk}"
