"""What a login page adds to the record of its access."""

from django.http import HttpRequest

from skold.control.recording import ControlAccess


def note(request: HttpRequest, **said: str) -> None:
    """Words for `done`: what became of the password, the code, the enrolment."""
    access = getattr(request, "control_access", None)
    if isinstance(access, ControlAccess):
        access.said |= said
