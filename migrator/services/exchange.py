"""A source as one TOML file: its description, and beside it how it is synchronised, who uses it and
which old URLs lead to it.

```toml
name = "photos"            # the description: see docs/migration.md
…
[sync]
enabled = true
max_rate = 20000000        # bytes a second
quiet_from = 07:00:00
quiet_to = 19:00:00

[[applications]]
name = "portal"
writes = true

[[addresses]]
pattern = "/photo?id={id}"
key = "{id}.jpg"
```
"""

import tomllib
from collections.abc import Mapping
from typing import Any

import tomli_w
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from migrator.legacy.description import Description
from migrator.legacy.mapping import DescriptionInvalid
from migrator.models import Source
from migrator.services import sources
from migrator.services.uses import check_address, set_addresses, set_applications

_NAMES = {name: name for name in sources.SETTINGS if name != "sync_enabled"} | {
    "enabled": "sync_enabled"
}


def import_source(*, actor: str, text: str) -> Source:
    """Create the source of a TOML file, or make it say what the file says.

    What the file leaves out of `sync` stays as it is, a list of applications or addresses that it
    leaves out as well. Raises ValidationError naming the field.
    """
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValidationError(_("This is no TOML: %(error)s") % {"error": error}) from error
    sync = _settings(given.pop("sync", {}))
    applications, addresses = given.pop("applications", None), given.pop("addresses", None)
    try:
        description = Description.from_mapping(given)
    except DescriptionInvalid as error:
        raise ValidationError({"description": str(error)}) from error
    with transaction.atomic():
        found = Source.objects.filter(pk=description.name).first()
        if found is None:
            source = sources.create_source(actor=actor, description=description, settings=sync)
        else:
            source = sources.change_source(
                actor=actor, source=found, description=description, settings=sync
            )
        if applications is not None:
            set_applications(actor=actor, source=source, given=applications)
        if addresses is not None:
            set_addresses(actor=actor, source=source, given=addresses)
        else:
            for address in source.addresses.all():
                check_address(address, source)
    return source


def export_source(source: Source) -> str:
    """What `import_source` reads. No password is part of it."""
    document: dict[str, Any] = sources.get_description(source).to_mapping()
    settings = {name: getattr(source, field) for name, field in sorted(_NAMES.items())}
    document["sync"] = {name: value for name, value in settings.items() if value not in (None, "")}
    document["applications"] = [
        {"name": user.name, "reads": user.reads, "writes": user.writes}
        for user in source.applications.order_by("name")
    ]
    document["addresses"] = [
        _present(
            pattern=address.pattern,
            key=address.key,
            client=address.client_id,
            placeholder=address.placeholder,
        )
        for address in source.addresses.order_by("pattern")
    ]
    return tomli_w.dumps({name: value for name, value in document.items() if value != []})


def _present(**given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value}


def _settings(given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ValidationError({"sync": _("Write it as a table: [sync]")})
    unknown = sorted(set(given) - set(_NAMES))
    if unknown:
        text = _("There is no such setting: %(names)s. There are: %(known)s.")
        facts = {"names": ", ".join(unknown), "known": ", ".join(sorted(_NAMES))}
        raise ValidationError({"sync": text % facts})
    return {_NAMES[name]: value for name, value in given.items()}
