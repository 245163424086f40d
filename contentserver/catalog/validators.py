"""What may stand in the rules of a collection."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PART = r"[A-Za-z0-9!#$&^_.+-]+"
_PATTERN = re.compile(rf"(?:{_PART}/(?:{_PART}|\*)|\*/\*)")


def collection_name(value: str) -> None:
    """FORMATS section 1: `[a-z0-9][a-z0-9_-]{0,63}`."""
    if not _NAME.fullmatch(value):
        raise ValidationError(
            _("Use 1 to 64 lower-case letters, digits, - and _, beginning with a letter or digit."),
            code="name",
        )


def media_type_pattern(value: str) -> None:
    """`type/subtype`, `type/*` or `*/*`, without parameters."""
    if not _PATTERN.fullmatch(value):
        raise ValidationError(
            _("“%(value)s” is no media type. Write image/jpeg or image/*, without parameters."),
            code="media_type",
            params={"value": value},
        )


def header_value(value: str) -> None:
    """Printable ASCII: it is sent as the value of a header, and must not be able to end it."""
    if not value.isascii() or not value.isprintable():
        raise ValidationError(
            _("Only printable ASCII characters may stand in a header."), code="header"
        )
