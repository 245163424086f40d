"""Grants: given and withdrawn. A grant is never changed, so that the number a record names keeps
its meaning."""

from collections.abc import Iterable

from skold.models import Client, Grant
from skold.services.rules import check_actor


def give_grant(
    *,
    actor: str,
    client: Client,
    collection: str,
    actions: Iterable[str],
    prefix: str = "",
    first_year: int | None = None,
    last_year: int | None = None,
) -> Grant:
    """Allow the client these actions in `collection` (`*`: all) on keys that begin with `prefix`,
    for versions from `first_year` to `last_year`, both included; None leaves that side open.

    Raises ValidationError naming the field.
    """
    check_actor(actor)
    grant = Grant(
        client=client,
        collection=collection,
        actions=sorted(set(actions)),
        prefix=prefix,
        first_year=first_year,
        last_year=last_year,
        created_by=actor,
    )
    grant.full_clean()
    grant.save(force_insert=True)
    return grant


def withdraw_grant(*, actor: str, grant: Grant) -> None:
    """Take the permission away, with the next policy. Withdrawing it twice changes nothing."""
    check_actor(actor)
    Grant.objects.filter(pk=grant.pk).delete()
