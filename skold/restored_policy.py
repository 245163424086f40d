"""After a restore: what the policy on disk knows and the database has forgotten, and the way on.

The database then holds an older state than the signed policy. Publishing it would open keys again
that were revoked since the backup. So nothing is published until a person has read the difference
and confirmed it; keys revoked on disk stay revoked, clients disabled on disk stay disabled.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from skold.documents import Document
from skold.models import ApiKey, Client, ClientCertificate, TokenClient, TokenProvider, UrlKey
from skold.publisher import lock_state
from skold.services.rules import check_actor

Payload = Mapping[str, Any]


class NothingToConfirmError(Exception):
    """The policy on disk is not ahead of the database, or is not the one that was shown."""


def difference(on_disk: Payload, in_database: Payload) -> list[str]:
    """What would change if the database were published, client by client, collections last."""
    names = sorted({entry["id"] for side in (on_disk, in_database) for entry in side["clients"]})
    lines = [line for name in names for line in _of_client(name, on_disk, in_database)]
    return [
        *lines,
        *_of_providers(on_disk, in_database),
        *_of_member("collections", _("collection %(name)s"), on_disk, in_database),
        *_of_member("attached", _("attached %(name)s"), on_disk, in_database),
    ]


def confirm(*, actor: str, document: Document, highest: int) -> None:
    """Let the publisher go on from the database, with what `document` has revoked or disabled.

    `highest` is the highest number readers have seen. Raises NothingToConfirmError.
    """
    check_actor(actor)
    with transaction.atomic():
        state = lock_state()
        if state.number >= max(document.number, highest):
            raise NothingToConfirmError(
                _("The database knows number %(number)d already. Nothing needs confirming.")
                % {"number": state.number}
            )
        _keep_revoked(actor, document)
        disabled = [entry["id"] for entry in document.payload["clients"] if not entry["enabled"]]
        Client.objects.filter(pk__in=disabled).update(enabled=False)
        state.number = max(document.number, highest)
        state.save()


def _keep_revoked(actor: str, document: Document) -> None:
    """Keys that the policy knew no more. Those made after its stamp are new, not revoked."""
    stamped = dt.datetime.fromtimestamp(document.issued_at, dt.UTC)
    for model, known in (
        (ApiKey, "keys"),
        (UrlKey, "url_keys"),
        (ClientCertificate, "certificates"),
    ):
        if known not in document.payload:  # signed by a release that had none of the kind
            continue
        ids = [entry["id"] for entry in document.payload[known]]
        gone = model.objects.filter(revoked_at=None, created_at__lt=stamped).exclude(pk__in=ids)
        gone.update(revoked_at=timezone.now(), revoked_by=actor)
    if "token_providers" in document.payload:
        _keep_tokens_out(document.payload, stamped)


def _keep_tokens_out(on_disk: Payload, stamped: dt.datetime) -> None:
    """Providers switched off, and names of clients taken away, since the backup stay so."""
    providers = [entry["id"] for entry in on_disk["token_providers"]]
    speakers = [entry["id"] for entry in on_disk["token_clients"]]
    gone = TokenProvider.objects.filter(created_at__lt=stamped).exclude(pk__in=providers)
    gone.update(enabled=False)
    unknown = TokenClient.objects.filter(created_at__lt=stamped, provider__in=providers)
    unknown.exclude(pk__in=speakers).delete()


def _of_member(member: str, what: str, on_disk: Payload, in_database: Payload) -> Iterator[str]:
    # A policy of an older release has nothing attached.
    disk, base = on_disk.get(member, {}), in_database.get(member, {})
    for name in sorted({*disk, *base}):
        if disk.get(name) != base.get(name):
            yield _("%(what)s: its rules go back to the database's") % {
                "what": what % {"name": name}
            }


def _of_client(name: str, on_disk: Payload, in_database: Payload) -> Iterator[str]:
    disk, base = (_find(side["clients"], name) for side in (on_disk, in_database))
    words: dict[str, Any] = {"client": name}
    if base is None:
        yield _("client %(client)s: made after the backup; it is gone, make it again") % words
        return
    if disk is None:
        yield _("client %(client)s: not in the policy on disk; it comes in") % words
    elif disk["enabled"] != base["enabled"]:
        yield _of_state(disk["enabled"], words)
    if disk is not None and _limit(disk) != _limit(base):
        yield _("client %(client)s: its limit goes from %(disk)s back to %(base)s") % {
            **words,
            "disk": _limit(disk),
            "base": _limit(base),
        }
    yield from _of_keys(name, on_disk, in_database)
    yield from _of_grants(name, on_disk, in_database)


def _of_providers(on_disk: Payload, in_database: Payload) -> Iterator[str]:
    disk, base = (
        {entry["id"]: entry for entry in side.get("token_providers", [])}
        for side in (on_disk, in_database)
    )
    for name in sorted({*disk, *base}):
        words = {"name": name}
        if name not in disk:
            yield _("token provider %(name)s: disabled after the backup; it stays disabled") % words
        elif name not in base:
            yield _("token provider %(name)s: made or enabled after the backup; it ends") % words
        elif disk[name] != base[name]:
            yield _("token provider %(name)s: its rules go back to the database's") % words


def _of_state(enabled_on_disk: bool, words: Mapping[str, Any]) -> str:
    if enabled_on_disk:
        return _("client %(client)s: enabled after the backup; it is disabled again") % words
    return _("client %(client)s: disabled after the backup; it stays disabled") % words


def _of_keys(name: str, on_disk: Payload, in_database: Payload) -> Iterator[str]:
    for kind in ("keys", "url_keys", "certificates", "token_clients"):
        disk, base = (_ids(side.get(kind, []), name) for side in (on_disk, in_database))
        for key in sorted(base - disk):
            yield _("client %(client)s: key %(key)s was revoked after the backup; it stays so") % {
                "client": name,
                "key": key,
            }
        for key in sorted(disk - base):
            yield _("client %(client)s: key %(key)s was issued after the backup; it ends") % {
                "client": name,
                "key": key,
            }


def _of_grants(name: str, on_disk: Payload, in_database: Payload) -> Iterator[str]:
    disk, base = (_grants(side["grants"], name) for side in (on_disk, in_database))
    for grant in sorted(base - disk):
        yield _("client %(client)s: %(grant)s was withdrawn after the backup; it holds again") % {
            "client": name,
            "grant": grant,
        }
    for grant in sorted(disk - base):
        yield _("client %(client)s: %(grant)s was given after the backup; it ends") % {
            "client": name,
            "grant": grant,
        }


def _find(entries: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((entry for entry in entries if entry["id"] == name), None)


def _ids(entries: list[dict[str, Any]], client: str) -> set[str]:
    return {str(entry["id"]) for entry in entries if entry["client"] == client}


def _grants(entries: list[dict[str, Any]], client: str) -> set[str]:
    return {
        f"{' '.join(sorted(entry['actions']))} @ {entry['collection']}/{entry['prefix']}"
        f"{_years(entry)}"
        for entry in entries
        if entry["client"] == client
    }


def _years(grant: Mapping[str, Any]) -> str:
    # A policy of an older release knows no years, and no limits.
    first, last = grant.get("first_year"), grant.get("last_year")
    return "" if first is None and last is None else f" {first or ''}-{last or ''}"


def _limit(client: Mapping[str, Any]) -> str:
    limit = client.get("requests_per_second")
    if limit is None:
        return _("none")
    return _("%(limit)s requests each second") % {"limit": limit}
