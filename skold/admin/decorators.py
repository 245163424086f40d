"""unfold's decorators with types."""

from collections.abc import Callable
from typing import Any, TypeVar

from unfold import decorators

F = TypeVar("F", bound=Callable[..., Any])


def display(**options: Any) -> Callable[[F], F]:
    """Describe a column or a read-only field."""
    decorate: Callable[[F], F] = decorators.display(**options)
    return decorate


def action(**options: Any) -> Callable[[F], F]:
    """Describe an act that has a button."""
    decorate: Callable[[F], F] = decorators.action(**options)
    return decorate
