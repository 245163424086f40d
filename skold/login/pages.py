"""The pages between the password and the admin: the code, and setting an app up."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import segno
from django import forms
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from unfold.widgets import UnfoldAdminTextInputWidget

from skold import second_factor_secrets as secrets
from skold.login import second_factor
from skold.login.notes import note

View = Callable[[HttpRequest], HttpResponse]
MAX_CODE = 40


class CodeForm(forms.Form):
    """One code, of the app or of the paper."""

    code = forms.CharField(
        label=_("Code"),
        max_length=MAX_CODE,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": "", "spellcheck": "false"}
        ),
    )


def for_staff(view: View) -> View:
    """Only for people who may enter but for the code; others go to the login page. Offers them the
    way out.
    """

    @never_cache
    @csrf_protect
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if not (user.is_authenticated and user.is_active and user.is_staff):
            return HttpResponseRedirect(reverse("admin:login"))
        if request.method == "POST" and "leave" in request.POST:
            logout(request)
            return HttpResponseRedirect(reverse("admin:login"))
        return view(request)

    return guarded


@for_staff
def verify(request: HttpRequest) -> HttpResponse:
    """Ask for the code; without a device lead to enrolment."""
    if second_factor.is_passed(request):
        return HttpResponseRedirect(_target(request))
    if not second_factor.has_device(request.user):
        return HttpResponseRedirect(reverse("admin:second_factor_enrol"))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            tried = second_factor.try_code(request, form.cleaned_data["code"])
        except secrets.SecretUnreadable:
            note(request, second_factor="unreadable")
            form.add_error(None, now_("Your device can no longer be checked. Have it reset."))
        else:
            if tried.passed:
                note(request, second_factor="passed")
                return HttpResponseRedirect(_target(request))
            note(request, second_factor="throttled" if tried.wait else "wrong")
            form.add_error("code", _complaint(tried.wait))
    return _page(request, "skold/second_factor.html", form=form)


@for_staff
def enrol(request: HttpRequest) -> HttpResponse:
    """Set an app up. Whoever has one already must have passed it first."""
    if second_factor.has_device(request.user) and not second_factor.is_passed(request):
        return HttpResponseRedirect(reverse("admin:second_factor"))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        enrolled = second_factor.finish_enrolment(request, form.cleaned_data["code"])
        if enrolled is not None:
            note(request, second_factor="enrolled")
            return _page(request, "skold/backup_codes.html", codes=enrolled.codes)
        note(request, second_factor="wrong")
        form.add_error("code", _complaint(0))
    device = second_factor.begin_enrolment(request.user)
    secret = secrets.unseal(device.sealed)
    issuer = str(admin.site.each_context(request)["site_header"])
    address = secrets.address(secret, issuer, request.user.get_username())
    return _page(
        request,
        "skold/enrol.html",
        form=form,
        qr=_drawn(address),
        typed=secrets.typed(secret),
        replaces=second_factor.has_device(request.user),
    )


def _complaint(wait: int) -> str:
    if wait:
        return now_("Too many wrong codes. Try again in %(seconds)d s.") % {"seconds": wait}
    return now_("This is not the code of now. Wait for the next one, and look at the clock.")


def _drawn(address: str) -> str:
    """Inline SVG: no other origin, no image that a proxy could keep."""
    drawn: str = segno.make(address, error="m").svg_inline(
        scale=5, border=3, dark="#000", light="#fff"
    )
    return mark_safe(drawn)  # noqa: S308 - of our own making, from quoted text


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    shared = {**admin.site.each_context(request), "next": _target(request)}
    answer = render(request, template, {**shared, **context})
    answer["Cache-Control"] = "no-store"
    return answer


def _target(request: HttpRequest) -> str:
    """Where the person wanted to go, if that is here."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME, "")
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(wanted, hosts, require_https=request.is_secure()):
        return wanted
    return reverse("admin:index")
