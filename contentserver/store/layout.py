"""Which year lies on which root, and what it takes: the layout document, read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from contentserver.store.errors import ImplausibleTime, Unavailable, YearNotOpen, YearSealed

State = Literal["open", "importing", "sealed", "moving"]
_STATES = frozenset({"open", "importing", "sealed", "moving"})


@dataclass(frozen=True, slots=True)
class Place:
    """A year on a root. open takes commits, importing only imports, sealed and moving nothing."""

    root: str
    state: State


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of every year. `number` is the document's, for processes to confirm."""

    number: int
    years: Mapping[int, tuple[Place, ...]]
    newest_first: tuple[int, ...]

    @classmethod
    def from_document(cls, number: int, payload: Mapping[str, Any]) -> "Layout":
        """Read `{"years": {"2026": [{"root": "root-1", "state": "open"}]}}`. Raises Unavailable
        naming what is wrong.
        """
        try:
            years = {
                int(year): tuple(_place(year, entry) for entry in places)
                for year, places in payload["years"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unavailable(f"the layout {number} cannot be read: {error!r}") from error
        return cls(number, years, tuple(sorted(years, reverse=True)))

    def iter_years(self, as_of: int | None = None) -> Iterator[int]:
        """Years of the layout, newest first, from `as_of` if given."""
        return (year for year in self.newest_first if as_of is None or year <= as_of)

    def places(self, year: int) -> tuple[Place, ...]:
        """Where the versions of a year may lie: one root, or both while it is being moved; none if
        unknown.
        """
        return self.years.get(year, ())

    def root_for_commit(self, year: int) -> str:
        """The root that takes commits of a year. Raises YearSealed, YearNotOpen."""
        places = self.places(year)
        for place in places:
            if place.state == "open":
                return place.root
        if any(place.state in {"sealed", "moving"} for place in places):
            raise YearSealed(year)
        raise YearNotOpen(year)

    def root_for_import(self, year: int) -> str:
        """The root that takes imports of a year. Raises YearSealed, ImplausibleTime."""
        places = self.places(year)
        for place in places:
            if place.state in {"open", "importing"}:
                return place.root
        if places:
            raise YearSealed(year)
        raise ImplausibleTime(year)

    def is_stable(self, as_of: int) -> bool:
        """Whether every year up to `as_of` is sealed, so that no import can add to them."""
        return all(
            place.state in {"sealed", "moving"}
            for year in self.iter_years(as_of)
            for place in self.years[year]
        )


def _place(year: str, entry: Mapping[str, Any]) -> Place:
    state = entry["state"]
    if state not in _STATES:
        raise Unavailable(f"the layout gives {year} the unknown state {state!r}")
    return Place(str(entry["root"]), cast("State", state))
