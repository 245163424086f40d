"""The page that asks the gate: may this client do that now, and by which rule?"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from skold import simulation_words as words
from skold.control import simulating
from skold.control.recording import ControlAccess
from skold.control.simulating import Simulation
from skold.models import OFFERED_ACTIONS, Client
from skold.policy import PolicyInvalid
from skold.principals import CredentialKind
from skold.signed import PolicyMissing, PolicyTooOld
from skold.simulation import KINDS, Wish

KIND_WORDS = {
    "api_key": _("API key"),
    "signed_url": _("signed URL"),
    "token": _("token of a provider"),
    "certificate": _("certificate"),
}


class SimulationForm(forms.Form):
    """A wish. It is asked by GET, so that its address can be kept and sent on."""

    client = forms.CharField(label=_("Client"), max_length=64, widget=UnfoldAdminTextInputWidget)
    action = forms.ChoiceField(
        label=_("Action"), choices=OFFERED_ACTIONS, widget=UnfoldAdminSelectWidget
    )
    collection = forms.CharField(
        label=_("Collection"),
        max_length=64,
        required=False,
        help_text=_("Empty: the institution as a whole."),
        widget=UnfoldAdminTextInputWidget,
    )
    key = forms.CharField(
        label=_("Key"),
        max_length=512,
        required=False,
        strip=False,
        help_text=_("Empty: the whole collection."),
        widget=UnfoldAdminTextInputWidget,
    )
    year = forms.IntegerField(
        label=_("Year of the version"),
        min_value=1,
        max_value=9999,
        required=False,
        help_text=_("Empty: the answer says which years."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    credential = forms.ChoiceField(
        label=_("Credential"),
        choices=[(kind, KIND_WORDS[kind]) for kind in KINDS],
        widget=UnfoldAdminSelectWidget,
    )
    end_user = forms.CharField(
        label=_("End user"),
        max_length=256,
        required=False,
        help_text=_("For whom the client acts. Empty: nobody."),
        widget=UnfoldAdminTextInputWidget,
    )
    address = forms.GenericIPAddressField(
        label=_("Address"),
        required=False,
        help_text=_("Where the request comes from. Empty: from where the client may."),
        widget=UnfoldAdminTextInputWidget,
    )

    def clean(self) -> dict[str, Any]:
        """A key is one of a collection."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("key") and not given.get("collection"):
            self.add_error("collection", now_("Name the collection of the key."))
        return given

    def wish(self) -> Wish:
        """What is asked, once the form is valid."""
        given: dict[str, Any] = {name: value or None for name, value in self.cleaned_data.items()}
        kind: CredentialKind = given.pop("credential")
        return Wish(kind=kind, **given)


def simulation_page(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """The form; with a wish in the address, what the gate says to it."""
    asked = "action" in request.GET
    first = {"client": request.GET.get("client", ""), "credential": "api_key", "action": "read"}
    form = SimulationForm(request.GET if asked else None, initial=first)
    found: Simulation | None = None
    problem = ""
    try:
        if asked and form.is_valid():
            _name(request, form)
            found = simulating.ask(form.wish())
        standing = found.policy if found else simulating.standing()
    except (PolicyMissing, PolicyTooOld, PolicyInvalid) as error:
        standing, problem = None, str(error)
    shown = {
        **context,
        "title": now_("What may a client do?"),
        "form": form,
        "standing": standing,
        "problem": problem,
        "waiting": words.waiting_in_words(standing.waiting) if standing else "",
        "found": _shown(found) if found else None,
    }
    return TemplateResponse(request, "admin/skold/simulation.html", shown)


def _name(request: HttpRequest, form: SimulationForm) -> None:
    access = getattr(request, "control_access", None)
    if isinstance(access, ControlAccess):
        access.made = f"simulation:{form.cleaned_data['client']}"


def _shown(found: Simulation) -> dict[str, Any]:
    outcome, wish = found.outcome, found.wish
    allowed = outcome.decision.allowed
    return {
        "allowed": allowed,
        "answer": words.answer(outcome),
        "reason": words.reason(outcome),
        "grant": outcome.grant,
        "grant_url": outcome.grant and reverse("admin:skold_grant_change", args=[outcome.grant]),
        "changes": words.changes(wish, outcome),
        "near": [
            {
                "number": grant["id"],
                "words": words.grant_in_words(grant),
                "url": reverse("admin:skold_grant_change", args=[grant["id"]]),
            }
            for grant in outcome.near
        ],
        "limit": outcome.client.requests_per_second if outcome.client else None,
        "client_url": _client_url(wish.client),
        "give_url": None
        if allowed or outcome.decision.reason not in NEED_GRANT
        else _give(wish, outcome.decision.reason),
    }


NEED_GRANT = {"no_grant", "outside_years", "no_grant_to_sign"}


def _client_url(client: str) -> str:
    known = Client.objects.filter(pk=client).exists()
    return reverse("admin:skold_client_change", args=[client]) if known else ""


def _give(wish: Wish, reason: str) -> str:
    """The form of a new grant, filled in with what is missing."""
    given = {
        "client": wish.client,
        "collection": wish.collection or "*",
        "prefix": wish.key or "",
        "actions": "sign" if reason == "no_grant_to_sign" else wish.action,
    }
    if reason == "outside_years" and wish.year is not None:
        given |= {"first_year": str(wish.year), "last_year": str(wish.year)}
    return f"{reverse('admin:skold_grant_add')}?{urlencode(given)}"
