"""System checks of Sköld: what would leave an access unguarded or unrecorded."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.translation import gettext

from skold.api.guard import undeclared
from skold.control import parts

MIDDLEWARE = "skold.control.middleware.AdminAuditMiddleware"
PUBLIC_MODULES = ("drf_spectacular.",)
"""The description of the API is public, like that of any door."""


@register()
def check_parts(**_: Any) -> list[CheckMessage]:
    """skold.E001: without a gate nobody is let in, without a journal nothing is answered."""
    if parts.is_installed():
        return []
    return [
        Error(
            gettext("Nobody has said where the control plane's gate and journal come from."),
            hint=gettext("Call skold.control.parts.install in an AppConfig.ready."),
            id="skold.E001",
        )
    ]


@register(Tags.urls)
def check_routes(**_: Any) -> list[CheckMessage]:
    """skold.E002: a route of the API without a declared action cannot be registered."""
    return [
        Error(
            gettext("%(route)s answers %(names)s without a declared gate action.")
            % {"route": route, "names": ", ".join(names)},
            hint=gettext("Make it a skold.api.guard.GuardedView and complete its gate_actions."),
            obj=view,
            id="skold.E002",
        )
        for route, view, names in iter_unguarded(get_resolver().url_patterns)
    ]


@register(Tags.security)
def check_middleware(**_: Any) -> list[CheckMessage]:
    """skold.E003: pages of the admin are accesses too."""
    if MIDDLEWARE in settings.MIDDLEWARE:
        return []
    return [
        Error(
            gettext("Pages of the admin are not recorded."),
            hint=gettext("Put %(name)s behind AuthenticationMiddleware in MIDDLEWARE.")
            % {"name": MIDDLEWARE},
            id="skold.E003",
        )
    ]


def iter_unguarded(
    patterns: list[URLPattern | URLResolver], prefix: str = ""
) -> Iterator[tuple[str, Any, list[str]]]:
    """Every route to a view of REST framework that answers something nobody has declared."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from iter_unguarded(pattern.url_patterns, route)
            continue
        view = getattr(pattern.callback, "cls", None)
        if view is None or view.__module__.startswith(PUBLIC_MODULES):
            continue
        actions = getattr(pattern.callback, "actions", None)
        names = undeclared(view, sorted(set(actions.values())) if actions else None)
        if names:
            yield route, view, names
