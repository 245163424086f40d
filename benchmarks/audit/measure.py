"""First pages of the audit through the views of admin and API, filter by filter."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from benchmarks.audit.callers import Callers
from benchmarks.audit.draw import COMBINATIONS, Search, Values
from skold.listing.conditions import NAMES

GOAL = 0.3
"""Seconds for 95 of 100 first pages by one filter, or by one filter within a time."""
GOAL_TOGETHER = 2.0
"""Seconds for a page by filters that share no index: it ends after one, and says how far it was."""
ADMIN, API = "/admin/skold/auditrecord/", "/api/v1/audit"


@dataclass(slots=True)
class Filter:
    """What the pages by one filter took, in seconds. `early` of them ended for lack of time."""

    name: str
    place: str
    goal: float
    seconds: list[float] = field(default_factory=list)
    early: int = 0
    slowest: str = ""

    def add(self, seconds: float, searched: str, early: bool) -> None:
        """Note one page."""
        if seconds > max(self.seconds, default=0):
            self.slowest = searched
        self.seconds.append(seconds)
        self.early += early

    def quantile(self, share: float) -> float:
        """Seconds in which this share of the pages was there."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    @property
    def reached(self) -> bool:
        """Whether 95 of 100 pages were there in time, and none ended early that one index
        answers."""
        return self.quantile(0.95) < self.goal and (self.goal > GOAL or not self.early)


class Measure:
    """The pages, asked for one after the other."""

    def __init__(self, callers: Callers, values: Values, times: int) -> None:
        self._callers, self._values, self._times = callers, values, times

    def names(self) -> Sequence[str]:
        """Every filter that admin or API has, so that none can be forgotten."""
        return sorted(NAMES)

    def all(self) -> Iterator[Filter]:
        """Each filter in turn, then what is mean; behind the pages that load the code."""
        self._run("warm", [{}] * 6, GOAL)
        yield self._run("none", [{}] * self._times, GOAL)
        yield self._run("time", [self._in_time({}) for _ in range(self._times)], GOAL)
        for name in self.names():
            searches = [search for _how, search in self._values.searches(name, self._times)]
            yield self._run(name, searches, GOAL)
            yield self._run(f"{name}, time", [self._in_time(one) for one in searches], GOAL)
        for name, search in COMBINATIONS.items():
            yield self._run(name, [search] * 6, GOAL_TOGETHER)

    def _in_time(self, search: Search) -> Search:
        since, until = self._values.moments()
        return {**search, "since": since.isoformat(), "until": until.isoformat()}

    def _run(self, name: str, searches: Sequence[Search], goal: float) -> Filter:
        """Half of them in the admin, half through the API."""
        found = Filter(name, "admin, API", goal)
        for number, search in enumerate(searches):
            path = ADMIN if number % 2 else API
            given = _for_admin(search) if path == ADMIN else search
            began = time.perf_counter()
            answer = self._callers.get(path, given)
            seconds = time.perf_counter() - began
            if answer.status_code != 200:
                raise RuntimeError(f"{path}?{urlencode(given)} was answered {answer.status_code}")
            found.add(seconds, f"{path}?{urlencode(given)}", _ended_early(answer))
        return found


def _for_admin(search: Search) -> Mapping[str, str]:
    """The admin's names of the time: date and time of day, UTC."""
    given = dict(search)
    for ours, theirs in (("since", "at_from"), ("until", "at_to")):
        if ours in given:
            date, _, clock = given.pop(ours).partition("T")
            given |= {f"{theirs}_0": date, f"{theirs}_1": clock[:8]}
    return given


def _ended_early(answer: Any) -> bool:
    if answer["Content-Type"].startswith("text/html"):
        return b"Searched back to" in answer.content
    return answer.json()["searched_to"] is not None
