"""Who uses a source: the applications that read and write it, and the old URLs that lead to it."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import is_valid_path
from django.utils.translation import gettext as _

from contentserver.planes import belongs_to_data
from contentserver.protocol.keys import BadKey, check_key
from contentserver.protocol.patterns import BadPattern, KeyPattern, UrlPattern
from migrator.models import Application, LegacyAddress, Source
from migrator.services.sources import get_description
from skold.services.rules import check_actor

_APPLICATION = {"name", "reads", "writes"}
_ADDRESS = {"pattern", "key", "client", "placeholder"}


def set_applications(*, actor: str, source: Source, given: Iterable[Mapping[str, Any]]) -> None:
    """Make these the declared applications. One that stays keeps when it was switched.

    Raises ValidationError.
    """
    check_actor(actor)
    names = []
    with transaction.atomic():
        for row in _rows("applications", given, _APPLICATION):
            name = str(row.get("name", ""))
            application = source.applications.filter(name=name).first() or Application(
                source=source, name=name
            )
            application.reads = row.get("reads", True)
            application.writes = row.get("writes", False)
            application.full_clean()
            application.save()
            names.append(name)
        source.applications.exclude(name__in=names).delete()


def set_addresses(*, actor: str, source: Source, given: Iterable[Mapping[str, Any]]) -> None:
    """Make these the source's legacy addresses. Raises ValidationError naming the field."""
    check_actor(actor)
    patterns = []
    with transaction.atomic():
        for row in _rows("addresses", given, _ADDRESS):
            if not all(isinstance(value, str) for value in row.values()):
                raise ValidationError({"addresses": _("Write each value as a text.")})
            pattern = str(row.get("pattern", ""))
            address = LegacyAddress.objects.filter(pattern=pattern).first() or LegacyAddress(
                source=source, pattern=pattern
            )
            address.key = str(row.get("key", ""))
            address.client_id = row.get("client")
            address.placeholder = row.get("placeholder", "")
            save_address(actor=actor, address=address, source=source)
            patterns.append(pattern)
        source.addresses.exclude(pattern__in=patterns).delete()


def save_address(*, actor: str, address: LegacyAddress, source: Source) -> None:
    """Save one address after a look at its pattern, and at whether it leads into the source.

    Raises ValidationError naming the field.
    """
    check_actor(actor)
    if address.source_id != source.pk:
        text = _("“%(pattern)s” leads to the source “%(other)s” already.")
        facts = {"pattern": address.pattern, "other": address.source_id}
        raise ValidationError({"pattern": text % facts})
    check_address(address, source)
    address.full_clean()
    address.save()


def check_address(address: LegacyAddress, source: Source) -> None:
    """Raise ValidationError for a pattern that cannot be, or keys that are not this source's."""
    try:
        url = UrlPattern(address.pattern)
    except BadPattern as error:
        raise ValidationError({"pattern": str(error)}) from error
    if _is_ours(address.pattern, url):
        raise ValidationError({"pattern": _("This server has addresses of its own there.")})
    try:
        key = KeyPattern(address.key, url.names)
    except BadPattern as error:
        raise ValidationError({"key": str(error)}) from error
    description = get_description(source)
    sample = key.format(dict.fromkeys(key.names, "1"))
    if KeyPattern(description.key, description.records.key_columns).parse(sample) is None:
        text = _("It leads to keys like %(sample)s, and this source has keys like %(template)s.")
        facts = {"sample": sample, "template": description.key}
        raise ValidationError({"key": text % facts})
    try:
        check_key(address.placeholder or sample)
    except BadKey as error:
        raise ValidationError({"placeholder": str(error)}) from error


def _is_ours(pattern: str, url: UrlPattern) -> bool:
    """Whether no request there would ever be taken for one of an old URL."""
    path = pattern.partition("?")[0]
    for name in url.names:
        path = path.replace(f"{{{name}}}", "1")
    known = is_valid_path(path) or is_valid_path(f"{path}/")
    return bool(known) or belongs_to_data(path) or path.startswith(settings.STATIC_URL)


def _rows(field: str, given: Any, known: set[str]) -> list[Mapping[str, Any]]:
    if not isinstance(given, Iterable) or isinstance(given, str | Mapping):
        raise ValidationError({field: _("Write each as a table: [[%(name)s]]") % {"name": field}})
    rows = list(given)
    for row in rows:
        unknown = sorted(set(row) - known) if isinstance(row, Mapping) else ["?"]
        if unknown:
            text = _("There is no such entry: %(names)s. There are: %(known)s.")
            facts = {"names": ", ".join(unknown), "known": ", ".join(sorted(known))}
            raise ValidationError({field: text % facts})
        if any(isinstance(value, str) and "\0" in value for value in row.values()):
            raise ValidationError({field: _("A text with a NUL character cannot be stored.")})
    return rows
