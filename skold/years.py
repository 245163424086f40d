"""The years of versions that grants reach; several grants add up."""

from dataclasses import dataclass
from typing import NamedTuple

ALWAYS = (0, 9999)


class Span(NamedTuple):
    """First and last year, both included, and the rule that grants them."""

    first: int
    last: int
    rule: str


@dataclass(frozen=True, slots=True)
class Years:
    """A union of spans; `2025 in years` asks it. One without any span holds no year."""

    spans: tuple[Span, ...]

    def __contains__(self, year: object) -> bool:
        return isinstance(year, int) and self.rule_of(year) is not None

    def rule_of(self, year: int) -> str | None:
        """The first rule that grants the year; None outside of all."""
        for first, last, rule in self.spans:
            if first <= year <= last:
                return rule
        return None

    def within(self, other: "Years") -> "Years":
        """The years that both hold, under the rules of this one."""
        both = (
            Span(max(mine.first, theirs.first), min(mine.last, theirs.last), mine.rule)
            for mine in self.spans
            for theirs in other.spans
        )
        return Years(tuple(span for span in both if span.first <= span.last))


def years_of(first: int | None, last: int | None, rule: str) -> Span | None:
    """The span of a grant; None for one that is not bounded."""
    if first is None and last is None:
        return None
    return Span(ALWAYS[0] if first is None else first, ALWAYS[1] if last is None else last, rule)
