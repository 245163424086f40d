"""Grants as the gate asks them: by the prefix of a key, everything added up beforehand.

For each place (client, collection, action) every prefix that some grant names carries one finished
decision: that of all grants which reach it. So one look finds what holds for a key, however many
grants there are, and the longest prefix that fits is the answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from skold.policy_rules import GrantRule
from skold.principals import Decision
from skold.years import Years, years_of


@dataclass(frozen=True, slots=True)
class Granted:
    """`whole` holds for every key; `below` are the longer prefixes by their length, longest
    first.
    """

    whole: Decision | None
    below: tuple[tuple[int, dict[str, Decision]], ...]

    def find(self, key: str | None) -> Decision | None:
        """What is decided on a key; on everything at once where it is None."""
        if self.below and key is not None:
            for length, decisions in self.below:
                decision = decisions.get(key[:length])
                if decision is not None:
                    return decision
        return self.whole


NOTHING = Granted(None, ())


def compile_granted(grants: Iterable[GrantRule]) -> Granted:
    """What the grants of one place come to."""
    by_prefix: dict[str, list[GrantRule]] = {}
    for grant in grants:
        by_prefix.setdefault(grant.prefix, []).append(grant)
    below: dict[int, dict[str, Decision]] = {}
    whole: Decision | None = None
    above: list[tuple[str, list[GrantRule]]] = []  # prefixes of the one at hand, and what they have
    for prefix in sorted(by_prefix):
        while above and not prefix.startswith(above[-1][0]):
            above.pop()
        reaching = (above[-1][1] if above else []) + by_prefix[prefix]
        above.append((prefix, reaching))
        decision = _add_up(reaching)
        if prefix:
            below.setdefault(len(prefix), {})[prefix] = decision
        else:
            whole = decision
    return Granted(whole, tuple(sorted(below.items(), reverse=True)))


def _add_up(grants: list[GrantRule]) -> Decision:
    """One grant without years is enough for all of them."""
    spans = []
    for grant in sorted(grants, key=lambda grant: grant.id):
        rule = f"grant:{grant.id}"
        span = years_of(grant.first_year, grant.last_year, rule)
        if span is None:
            return Decision(allowed=True, reason="granted", rule=rule)
        spans.append(span)
    return Decision(allowed=True, reason="granted", rule=spans[0].rule, years=Years(tuple(spans)))
