"""Descriptions as TOML, the form in which operators keep and exchange them."""

import tomllib

import tomli_w

from migrator.legacy.description import Description
from migrator.legacy.mapping import DescriptionInvalid, description_from, mapping_of


def from_toml(text: str) -> Description:
    """Raises DescriptionInvalid, also for what is no TOML."""
    try:
        return description_from(tomllib.loads(text))
    except tomllib.TOMLDecodeError as broken:
        raise DescriptionInvalid("file", f"is no TOML: {broken}") from None


def to_toml(description: Description) -> str:
    """What `from_toml` reads."""
    return tomli_w.dumps(mapping_of(description))
