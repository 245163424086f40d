"""What apps above this one want a person to look at; the admin's first page shows it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Look:
    """A sentence, and the page where somebody does something about it."""

    words: str
    url: str


Find = Callable[[HttpRequest], Iterable[Look]]
_finders: list[Find] = []


def add_finder(find: Find) -> None:
    """For `AppConfig.ready`: `find` gives what needs a look now, of what the person may see.

    It is asked at every view of the first page, so it counts no big table.
    """
    if find not in _finders:
        _finders.append(find)


def found_for(request: HttpRequest) -> Iterator[Look]:
    """Of all apps, in the order in which they came."""
    for find in _finders:
        yield from find(request)
