"""The admin's site: nobody is let in who has not passed the second factor, where one is wanted."""

from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from skold.login import guesses, pages, second_factor
from skold.login.notes import note


class Site(UnfoldAdminSite):  # type: ignore[misc]
    """unfold's, with throttled passwords and a second factor."""

    def has_permission(self, request: HttpRequest) -> bool:
        """A session that has not passed the second factor is not staff."""
        return bool(super().has_permission(request)) and second_factor.is_passed(request)

    def extra_urls(self) -> list[URLPattern]:
        """Pages between the password and the admin, and the one to replace one's own device."""
        return [
            path("second-factor/", pages.verify, name="second_factor"),
            path("second-factor/enrol/", pages.enrol, name="second_factor_enrol"),
        ]

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The password, then the page for the code. 429 for whoever guesses."""
        if request.method != "POST":
            if request.user.is_authenticated and second_factor.awaits_code(request):
                return _to_code(request)
            shown: HttpResponse = super().login(request, extra_context)
            return shown
        account = request.POST.get("username", "")
        trial = guesses.begin(account, request.META.get("REMOTE_ADDR", ""))
        if trial.wait:
            note(request, login="throttled")
            return self._too_many(request, trial.wait)
        answer: HttpResponse = super().login(request, extra_context)
        if answer.status_code != 302:
            note(request, login="refused")
            return answer
        guesses.succeeded(trial)
        note(request, login="password")
        return _to_code(request) if second_factor.awaits_code(request) else answer

    def _too_many(self, request: HttpRequest, wait: int) -> HttpResponse:
        context = {**self.each_context(request), "minutes": -(-wait // 60)}
        answer = render(request, "skold/login_wait.html", context, status=429)
        answer["Retry-After"] = str(wait)
        return answer


def _to_code(request: HttpRequest) -> HttpResponse:
    target = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    query = f"?{urlencode({REDIRECT_FIELD_NAME: target})}" if target else ""
    return HttpResponseRedirect(reverse("admin:second_factor") + query)
