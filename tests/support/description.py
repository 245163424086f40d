"""The description of both planes, put together once: that takes half a second."""

from functools import cache
from typing import Any

from contentserver.api.description import document


@cache
def described() -> dict[str, Any]:
    """To be read only."""
    return document()
