"""Acts on collections. Each says who: `actor` first, as the audit shall name them."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from contentserver.catalog.models import Collection, File
from skold.services.rules import check_actor

CHANGEABLE = frozenset(
    {
        "description", "max_size", "media_types", "inline_types", "erasure", "on_behalf_of",
        "url_lifetime", "cache_control",
    }
)  # fmt: skip


def create_collection(
    *, actor: str, name: str, rules: Mapping[str, Any] | None = None
) -> Collection:
    """A new collection; the data plane knows it with the next policy, within a second.

    `rules` are some of CHANGEABLE. Raises ValidationError naming the field, ValueError for a field
    that is no rule.
    """
    check_actor(actor)
    _check_fields(rules or {})
    collection = Collection(name=name, **(rules or {}))
    collection.full_clean()
    collection.save(force_insert=True)
    return collection


def change_collection(
    *, actor: str, collection: Collection, changes: Mapping[str, Any]
) -> Collection:
    """Change some of CHANGEABLE on the newest state of the row. Raises as `create_collection`."""
    check_actor(actor)
    _check_fields(changes)
    with transaction.atomic():
        current = Collection.objects.select_for_update().get(pk=collection.pk)
        for field, value in changes.items():
            setattr(current, field, value)
        current.full_clean(validate_unique=False)
        current.save(update_fields=[*sorted(changes), "updated_at"])
    return current


def delete_collection(*, actor: str, collection: Collection) -> None:
    """Remove the rules of a collection that never held a file. Raises ValidationError otherwise."""
    check_actor(actor)
    if File.objects.filter(collection=collection.name).exists():
        raise ValidationError(
            _("%(name)s holds files; nothing stored is ever removed. Withdraw its grants instead."),
            params={"name": collection.name},
            code="not_empty",
        )
    collection.delete()


def _check_fields(rules: Mapping[str, Any]) -> None:
    unknown = sorted(set(rules) - CHANGEABLE)
    if unknown:
        raise ValueError(f"no rule of a collection: {', '.join(unknown)}")
