"""Sources: made, changed, removed. A key belongs to exactly one of them."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contentserver.catalog.models import Collection
from migrator.legacy.description import Description
from migrator.models import Source
from migrator.services.collisions import can_collide
from skold.services.rules import check_actor

SETTINGS = frozenset(
    {
        "capture", "xid_column", "compare_each", "sync_enabled", "max_rate", "connections",
        "quiet_from", "quiet_to", "shadow_share",
    }
)  # fmt: skip


def create_source(
    *, actor: str, description: Description, settings: Mapping[str, Any] | None = None
) -> Source:
    """A new source in mode legacy. `settings` are some of SETTINGS.

    Raises ValidationError naming the field, ValueError for a field that is no setting.
    """
    check_actor(actor)
    source = Source(name=description.name, description=description.to_mapping())
    _take(source, settings or {})
    with transaction.atomic():
        _check(source, description)
        source.full_clean()
        source.save(force_insert=True)
    return source


def change_source(
    *,
    actor: str,
    source: Source,
    description: Description | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Source:
    """Change a source, on the newest state of its row. Raises as `create_source`.

    The description is changed in mode legacy alone, and what a key is made of only before the first
    file was imported: stored files keep their keys.
    """
    check_actor(actor)
    with transaction.atomic():
        current = Source.objects.select_for_update().get(pk=source.pk)
        changed = {*(settings or {}), "updated_at"}
        if description is not None and description.to_mapping() != current.description:
            _check_change(current, description)
            current.description = description.to_mapping()
            changed.add("description")
        _take(current, settings or {})
        _check(current, Description.from_mapping(current.description))
        current.full_clean(validate_unique=False)
        current.save(update_fields=changed)
    return current


def remove_source(*, actor: str, source: Source) -> None:
    """Forget a source with its errors, addresses and findings; stored files stay.

    Raises ValidationError while it is not in mode legacy: delivery and cut-over count on it.
    """
    check_actor(actor)
    with transaction.atomic():
        current = Source.objects.select_for_update().get(pk=source.pk)
        if current.mode != Source.Mode.LEGACY:
            raise ValidationError(
                _("%(name)s is in mode %(mode)s. Take it back first: manage.py cutover %(name)s"),
                params={"name": current.name, "mode": current.mode},
                code="in_use",
            )
        current.delete()


def want_comparison(*, actor: str, source: Source) -> None:
    """Have the sync compare the whole source, in both directions, beginning after this moment."""
    check_actor(actor)
    Source.objects.filter(pk=source.pk).update(comparison_wanted_at=timezone.now())


def get_description(source: Source) -> Description:
    """What the source's row describes. Raises DescriptionInvalid."""
    return Description.from_mapping(source.description)


def _take(source: Source, settings: Mapping[str, Any]) -> None:
    unknown = sorted(set(settings) - SETTINGS)
    if unknown:
        raise ValueError(f"no setting of a source: {', '.join(unknown)}")
    for name, value in settings.items():
        setattr(source, name, value)


def _check(source: Source, description: Description) -> None:
    if description.name != source.name:
        raise ValidationError({"name": _("The name of a source never changes.")})
    # The row's lock makes two sources of one collection come one after the other.
    if not Collection.objects.select_for_update().filter(pk=description.collection).exists():
        text = _("There is no collection “%(name)s”. Create it first.")
        raise ValidationError({"description": text % {"name": description.collection}})
    _check_settings(source)
    for other in Source.objects.exclude(pk=source.pk):
        theirs = get_description(other)
        if theirs.collection == description.collection and can_collide(theirs.key, description.key):
            text = _(
                "A key could belong to this source and to “%(other)s” (%(template)s), both of "
                "collection “%(collection)s”. Choose another collection, or another beginning or "
                "end of the keys."
            )
            facts = {"other": other.name, "template": theirs.key, "collection": theirs.collection}
            raise ValidationError({"description": text % facts})


def _check_settings(source: Source) -> None:
    if (source.capture == Source.Capture.XID) != bool(source.xid_column):
        text = _("Name the xid8 column for capture by xid, and leave it empty otherwise.")
        raise ValidationError({"xid_column": text})
    if (source.quiet_from is None) != (source.quiet_to is None):
        text = _("Quiet hours have a beginning and an end; give both or none.")
        raise ValidationError({"quiet_to": text})
    if source.max_rate == 0:
        text = _("A limit of 0 would stop everything. Leave it empty, or switch sync off.")
        raise ValidationError({"max_rate": text})
    if source.compare_each == 0:
        text = _("Give at least one second between comparisons.")
        raise ValidationError({"compare_each": text})


def _check_change(source: Source, description: Description) -> None:
    if source.mode != Source.Mode.LEGACY:
        text = _("A description changes in mode legacy alone; the source is in mode %(mode)s.")
        raise ValidationError({"description": text % {"mode": source.mode}})
    if source.files_imported == 0:
        return
    before = get_description(source)
    same = (
        before.collection == description.collection
        and before.key == description.key
        and before.records.key_columns == description.records.key_columns
    )
    if not same:
        text = _(
            "Files were imported already, and keep their keys: collection, key and key columns "
            "stay. Make a new source instead."
        )
        raise ValidationError({"description": text})
