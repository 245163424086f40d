"""Where a grant may reach: collections that exist, and beginnings of keys that a file can have."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contentserver.catalog.models import Collection
from contentserver.protocol.keys import BadKey, check_key


def check_place(collection: str, prefix: str) -> None:
    """Raise ValidationError naming `collection` or `prefix`.

    `*` is every collection; an empty prefix is every key.
    """
    errors = {}
    if collection != "*" and not Collection.objects.filter(name=collection).exists():
        text = _("There is no collection %(name)s. Make it first, or give * for all.")
        errors["collection"] = text % {"name": collection}
    try:
        check_prefix(prefix)
    except BadKey as error:
        text = _("No key begins like this: %(reason)s.")
        errors["prefix"] = text % {"reason": error}
    if errors:
        raise ValidationError(errors)


def check_prefix(prefix: str) -> None:
    """Raise BadKey unless keys can begin with `prefix`; its last segment may go on or be ended."""
    if prefix:
        check_key(f"{prefix}x" if prefix.endswith("/") else prefix)


def collections() -> list[str]:
    """The names of all collections."""
    return list(Collection.objects.values_list("name", flat=True))
