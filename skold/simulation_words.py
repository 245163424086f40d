"""A simulated decision in words, and what would have to change for another one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from skold.reason_words import reason_in_words
from skold.simulation import Outcome, Wish

MEMBERS = {
    "clients": _l("clients"),
    "keys": _l("API keys"),
    "url_keys": _l("signing keys"),
    "certificates": _l("certificates"),
    "token_providers": _l("token providers"),
    "token_clients": _l("clients of providers"),
    "grants": _l("grants"),
}


def answer(outcome: Outcome) -> str:
    """What a request would be told."""
    if outcome.decision.allowed:
        if outcome.years is None:
            return _("Allowed")
        return _("Allowed for versions of %(years)s") % {"years": years_in_words(outcome)}
    told = {
        400: _("Refused; the client is told what is wrong with the end user (400)"),
        401: _("Refused; the credential is not accepted (401)"),
        404: _("Refused; it looks as if nothing were there (404)"),
    }
    return told[outcome.status]


def reason(outcome: Outcome) -> str:
    """Why."""
    if outcome.decision.allowed:
        return _("a grant allows it")
    return reason_in_words(outcome.decision.reason)


def years_in_words(outcome: Outcome) -> str:
    """`2024 to 2025, 2027 or later`."""
    spans = outcome.years.spans if outcome.years else ()
    return ", ".join(_span(first, last) for first, last, _rule in spans) or _("no year")


def grant_in_words(grant: Mapping[str, Any]) -> str:
    """A grant as a line."""
    place = f"{grant['collection']}/{grant['prefix']}…"
    first, last = grant.get("first_year"), grant.get("last_year")
    if first is None and last is None:
        return place
    return f"{place} ({_span(first or 0, 9999 if last is None else last)})"


def waiting_in_words(members: Iterable[str]) -> str:
    """What of the database is not in the policy yet."""
    return ", ".join(str(MEMBERS[member]) for member in members)


def changes(wish: Wish, outcome: Outcome) -> list[str]:
    """What would have to be otherwise for the wish to be allowed."""
    if outcome.decision.allowed:
        return []
    told = _CHANGES.get(outcome.decision.reason)
    return [told(wish, outcome)] if told else []


def _span(first: int, last: int) -> str:
    if first == last:
        return str(first)
    if last >= 9999:
        return _("%(year)s or later") % {"year": first}
    if first <= 0:
        return _("up to %(year)s") % {"year": last}
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


def _needs_grant(wish: Wish, _outcome: Outcome) -> str:
    place = {"action": wish.action, "collection": wish.collection or "*", "key": wish.key or ""}
    if wish.collection is None:
        return _("Give a grant to %(action)s in * (all collections) without a prefix.") % place
    if wish.key is None:
        return _("Give a grant to %(action)s in %(collection)s without a prefix.") % place
    return (
        _("Give a grant to %(action)s in %(collection)s whose prefix %(key)s begins with.") % place
    )


def _needs_years(wish: Wish, _outcome: Outcome) -> str:
    if wish.year is None:
        return _("The grants are for certain years; name the year of the version.")
    return _("Give a grant that reaches %(year)s.") % {"year": wish.year}


def _needs_address(wish: Wish, outcome: Outcome) -> str:
    assert outcome.client is not None
    ranges = ", ".join(str(network) for network in outcome.client.address_ranges)
    return _("Add a range with %(address)s to the client's address ranges (now %(ranges)s).") % {
        "address": wish.address,
        "ranges": ranges,
    }


def _always(text: Callable[[], str]) -> Callable[[Wish, Outcome], str]:
    return lambda _wish, _outcome: text()


_CHANGES: dict[str, Callable[[Wish, Outcome], str]] = {
    "no_grant": _needs_grant,
    "outside_years": _needs_years,
    "address_outside": _needs_address,
    "client_disabled": _always(lambda: _("Enable the client.")),
    "unknown_client": _always(
        lambda: _("Make the client; one made just now is known with the next policy.")
    ),
    "unknown_collection": _always(lambda: _("Make the collection, or correct its name.")),
    "no_live_credential": _always(
        lambda: _("Issue the client a credential of this kind; it has none that is valid now.")
    ),
    "no_grant_to_sign": _always(
        lambda: _("Give a grant to sign for this key: whoever signs URLs needs it besides.")
    ),
    "signed_url_method": _always(
        lambda: _("Use another credential: a signed URL reads, writes or deletes one file.")
    ),
    "signed_url_without_collection": _always(
        lambda: _("Use another credential: a signed URL is for one file.")
    ),
    "malformed_on_behalf_of": _always(
        lambda: _("Name the end user in 1 to 256 bytes without control characters.")
    ),
    "end_user_required": _always(
        lambda: _("Name the end user; the client or the collection asks for it.")
    ),
    "end_user_forbidden": _always(
        lambda: _("Name no end user; the client or the collection forbids it.")
    ),
    "end_user_unproven": _always(
        lambda: _("Prove the end user by a signed URL or a token; the collection asks for it.")
    ),
}
