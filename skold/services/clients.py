"""Clients: made, changed, switched off. Never deleted, because the audit names them."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from skold.models import ActingFor, Client
from skold.services.rules import check_actor

CHANGEABLE = frozenset({"name", "enabled", "address_ranges", "may_act_for", "requests_per_second"})


def create_client(
    *,
    actor: str,
    id: str,  # noqa: A002 - the word of the policy
    name: str,
    address_ranges: Iterable[str] = (),
    may_act_for: str = ActingFor.OPTIONAL,
    enabled: bool = True,
    requests_per_second: int | None = None,
) -> Client:
    """A new client without keys and grants. Raises ValidationError naming the field."""
    check_actor(actor)
    client = Client(
        id=id,
        name=name,
        enabled=enabled,
        address_ranges=list(address_ranges),
        may_act_for=may_act_for,
        requests_per_second=requests_per_second,
        created_by=actor,
    )
    client.full_clean()
    client.save(force_insert=True)
    return client


def change_client(*, actor: str, client: Client, changes: Mapping[str, Any]) -> Client:
    """Change some of CHANGEABLE and nothing else, on the newest state of the row.

    `actor` is in the audit record of the access that led here. Raises ValidationError naming the
    field, ValueError for a field that never changes.
    """
    check_actor(actor)
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise ValueError(f"cannot change {', '.join(unknown)} of a client")
    with transaction.atomic():
        current = Client.objects.select_for_update().get(pk=client.pk)
        for field, value in changes.items():
            setattr(current, field, value)
        current.full_clean(validate_unique=False)
        current.save(update_fields=sorted(changes))
    return current
