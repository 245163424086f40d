"""Every page of the admin is an access: recorded before it is made, or not made."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import ResolverMatch

from skold.control import parts
from skold.control.recording import ControlAccess
from skold.gate import Decision, Reject
from skold.journal import JournalUnavailable
from skold.login import second_factor

View = TypeVar("View", bound=Callable[..., Any])
GetResponse = Callable[[HttpRequest], HttpResponse]
SECOND_FACTOR = frozenset({"second_factor", "second_factor_enrol"})
"""Pages for people who have given the password alone so far."""
UNRECORDED = frozenset({"jsi18n"})
"""Texts for scripts: the same for everybody."""
REVIEWED = {
    "skold_auditrecord": "skold.view_auditrecord",
    "skold_finding": "skold.view_finding",
    "skold_redaction": "skold.view_redaction",
    "skold_archivedmonth": "skold.view_archivedmonth",
}
"""What the names of pages that look into the audit begin with, and who may open them."""
LOOKED_AT = {
    "skold_auditrecord_file_story": "file",
    "skold_auditrecord_person_story": "person",
}
"""Pages that tell what was done with one file, or about one person: accesses to personal data."""


def unrecorded(view: View) -> View:
    """Mark a view of counts and times alone, asked each few seconds by a page that is open.

    Like /metrics it leaves no record, unless it is refused. It must name no file and no person.
    """
    view.unrecorded = True  # type: ignore[attr-defined]
    return view


class AdminAuditMiddleware:
    """Writes `req` before and `done` after each view of the admin. Stands behind authentication."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        access = getattr(request, "control_access", None)
        if isinstance(access, ControlAccess):
            access.finish(response.status_code)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, _args: Any, kwargs: Mapping[str, Any]
    ) -> HttpResponse | None:
        """Record the access; 503 where that cannot be done."""
        match = request.resolver_match
        if match is None or "admin" not in match.app_names or match.url_name in UNRECORDED:
            return None
        if getattr(view, "unrecorded", False) and admin.site.has_permission(request):
            return None
        access = ControlAccess(request, _action(match), _resource(match, kwargs))
        access.looked_at = LOOKED_AT.get(match.url_name or "")
        refused = _judge(request, match, access)
        if not request.user.is_authenticated:
            crowd = parts.refusals().judge(Reject(refused or "login"), _address(request))
            if not crowd.recorded:
                return _too_many(request, crowd.retry_after)
        try:
            access.begin(refused)
        except JournalUnavailable:
            response = render(request, "skold/not_recorded.html", status=503)
            response["Retry-After"] = "5"
            return response
        request.control_access = access  # type: ignore[attr-defined]
        return None


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def _too_many(request: HttpRequest, retry_after: int) -> HttpResponse:
    response = render(request, "skold/too_many.html", status=429)
    response["Retry-After"] = str(retry_after)
    return response


def _judge(request: HttpRequest, match: ResolverMatch, access: ControlAccess) -> str | None:
    """Say who asks, and why the admin will refuse, if it will."""
    user = request.user
    if user.is_authenticated:
        access.name_session(str(user.pk), user.get_username())
        if match.url_name in SECOND_FACTOR and second_factor.awaits_code(request):
            access.decision = Decision(allowed=True, reason="second_factor")
            return None
    elif match.url_name == "login":
        access.name_session(None, request.POST.get("username", "")[:150] or None)
        access.decision = Decision(allowed=True, reason="login")
        return None
    if not admin.site.has_permission(request):
        return _why_not(request)
    needed = _permission(match)
    if needed is not None and not user.has_perm(needed):
        return "no_permission"
    access.decision = Decision(allowed=True, reason="staff")
    return None


def _why_not(request: HttpRequest) -> str:
    if not request.user.is_authenticated:
        return "anonymous"
    return "second_factor_missing" if second_factor.awaits_code(request) else "not_staff"


def _action(match: ResolverMatch) -> str:
    return "administer" if _permission(match) is None else "audit"


def _permission(match: ResolverMatch) -> str | None:
    """What a page of the audit's review needs; None for other pages."""
    page = match.url_name or ""
    return next((need for name, need in REVIEWED.items() if page.startswith(name)), None)


def _resource(match: ResolverMatch, kwargs: Mapping[str, Any]) -> str:
    object_id = kwargs.get("object_id")
    return f"{match.url_name}:{unquote(object_id)}" if object_id else str(match.url_name)
