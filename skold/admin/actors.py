"""Who acts, when a person uses the admin."""

from django.http import HttpRequest


def actor_of(request: HttpRequest) -> str:
    """The name that services keep: it cannot be mistaken for a client's."""
    return f"admin:{request.user.get_username()}"
