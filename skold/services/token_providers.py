"""Token providers and the clients they speak for. Their keys are fetched by the bridge."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from skold.key_fetching import FetchFailed, Place, check_address, fetch_keys
from skold.models import Client, TokenClient, TokenProvider
from skold.policy_identities import ASYMMETRIC
from skold.services.rules import check_actor

CHANGEABLE = frozenset(
    ("audiences", "algorithms", "jwks_url", "client_claim", "end_user_claim", "enabled")
)
KEYS_DEPEND_ON = frozenset(("algorithms", "jwks_url"))
USUAL_ALGORITHMS = ("RS256", "ES256")
USUAL_CLAIM = "sub"


def create_token_provider(
    *,
    actor: str,
    id: str,  # noqa: A002 - the word of the policy
    issuer: str,
    audiences: Iterable[str],
    algorithms: Iterable[str] = USUAL_ALGORITHMS,
    jwks_url: str = "",
    client_claim: str = "azp",
    end_user_claim: str = "sub",
    enabled: bool = True,
) -> TokenProvider:
    """A provider whose tokens are taken once the bridge has its keys. Raises ValidationError naming
    the field.
    """
    check_actor(actor)
    provider = TokenProvider(
        id=id,
        issuer=issuer,
        audiences=sorted(set(audiences)),
        algorithms=sorted(set(algorithms)),
        jwks_url=jwks_url,
        client_claim=client_claim,
        end_user_claim=end_user_claim,
        enabled=enabled,
        created_by=actor,
    )
    check_provider(provider)
    provider.full_clean()
    provider.save(force_insert=True)
    return provider


def change_token_provider(
    *, actor: str, provider: TokenProvider, changes: Mapping[str, Any]
) -> TokenProvider:
    """Change some of CHANGEABLE. The issuer never changes: records name whom a token was from.

    Raises ValidationError naming the field, ValueError for one that never changes.
    """
    check_actor(actor)
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise ValueError(f"cannot change {', '.join(unknown)} of a token provider")
    with transaction.atomic():
        current = TokenProvider.objects.select_for_update().get(pk=provider.pk)
        for field, value in changes.items():
            setattr(current, field, value)
        check_provider(current)
        current.full_clean(validate_unique=False)
        fields = set(changes)
        if fields & KEYS_DEPEND_ON:
            current.fetch_wanted_at = timezone.now()
            fields.add("fetch_wanted_at")
        current.save(update_fields=sorted(fields))
    return current


def check_provider(provider: TokenProvider) -> None:
    """What the columns cannot say. Raises ValidationError naming the field."""
    if not provider.audiences or not all(provider.audiences):
        raise ValidationError({"audiences": _("Name at least one, or every token is taken.")})
    if not provider.algorithms or not set(provider.algorithms) <= ASYMMETRIC:
        text = _("Choose some of %(names)s.") % {"names": ", ".join(sorted(ASYMMETRIC))}
        raise ValidationError({"algorithms": text})
    claim = _person_claims().get(provider.issuer)
    if claim is not None and not names_persons(provider):
        text = _(
            "SKOLD_PERSON_ISSUERS lets this issuer name people of this server: leave the address of"
            " the keys empty, and take the end user from the claim %(claim)s."
        )
        field = "jwks_url" if provider.jwks_url else "end_user_claim"
        raise ValidationError({field: text % {"claim": claim}})
    for field in ("issuer", "jwks_url"):
        try:
            if getattr(provider, field):
                check_address(getattr(provider, field))
        except FetchFailed as error:
            raise ValidationError({field: str(error)}) from error


def names_persons(provider: TokenProvider) -> bool:
    """Whether its tokens may name people of this server, who do by them what needs two persons.

    Only where SKOLD_PERSON_ISSUERS says so, and only by keys that the issuer itself publishes:
    rows can be made by anybody who administers, who would be every person he likes.
    """
    claim = _person_claims().get(provider.issuer)
    return claim is not None and claim == provider.end_user_claim and not provider.jwks_url


def _person_claims() -> Mapping[str, str]:
    """By issuer, the claim with the name: `https://id.example.org#preferred_username`, or `sub`."""
    parted = (each.partition("#") for each in settings.SKOLD_PERSON_ISSUERS)
    return {issuer: claim or USUAL_CLAIM for issuer, _hash, claim in parted}


def name_token_client(
    *, actor: str, provider: TokenProvider, value: str, client: Client
) -> TokenClient:
    """From the next policy on, a token of this provider whose claim says `value` speaks for the
    client. Raises ValidationError naming the field.
    """
    check_actor(actor)
    named = TokenClient(provider=provider, value=value, client=client, created_by=actor)
    named.full_clean()
    named.save(force_insert=True)
    return named


def forget_token_client(*, actor: str, named: TokenClient) -> None:
    """Its tokens open nothing from the next policy on. Forgetting it twice changes nothing."""
    check_actor(actor)
    TokenClient.objects.filter(pk=named.pk).delete()


def want_keys(*, actor: str, provider: TokenProvider) -> dt.datetime:
    """Ask the bridge to fetch the keys at once; answered by `fetch_tried_at` past this time."""
    check_actor(actor)
    now = timezone.now()
    TokenProvider.objects.filter(pk=provider.pk).update(fetch_wanted_at=now)
    return now


def take_keys(*, provider: TokenProvider) -> str:
    """Fetch the keys and keep them; "" or the error, which leaves the last good keys in force.

    Only the bridge calls it: nothing else of us asks the network.
    """
    place = Place(provider.issuer, provider.jwks_url, tuple(provider.algorithms))
    found: dict[str, Any] = {}
    error = ""
    try:
        found = {"jwks": {"keys": fetch_keys(place)}}
    except FetchFailed as failed:
        error = str(failed)[:500]
    now = timezone.now()
    if found:
        found["fetched_at"] = now
    rows = TokenProvider.objects.filter(pk=provider.pk, issuer=provider.issuer)
    rows.update(fetch_error=error, fetch_tried_at=now, **found)
    return error
