"""What is searched for: values of each filter, at random from frequent, rare and absent ones."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from typing import Any

import psycopg

from benchmarks.audit.tables import COLLECTIONS, EMPTY, FILES, LAST, RETIRED, months

FREQUENT, RARE, ABSENT = "frequent", "rare", "absent"
KINDS = (FREQUENT, RARE, ABSENT)
Search = dict[str, str]
NEWEST = 1000
"""Requests among which frequent values are drawn: what everybody asks for comes up often there."""

SOME = """
SELECT client, private ->> 'end_user', private ->> 'network', collection, address, version, action,
       reason, credential, writer, node, request_id, private ->> 'key'
FROM skold_audit WHERE kind = 'req' AND at >= %s AND at < %s ORDER BY at LIMIT %s
"""
NAMES = (
    *("client", "end_user", "network", "collection", "address", "version", "action"),
    *("reason", "credential", "writer", "node", "request_id", "key"),
)


class Values:
    """Values that stand in the audit, and others that do not."""

    def __init__(self, url: str, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._rows: list[dict[str, str | None]] = []
        with psycopg.connect(url) as connection:
            for since, until in months():
                moment = since + (until - since) * self._random.random()
                rows = connection.execute(SOME, (moment, until, NEWEST))
                self._rows += [dict(zip(NAMES, row, strict=True)) for row in rows]

    def searches(self, name: str, count: int) -> Iterator[tuple[str, Search]]:
        """So many searches by one filter, and how frequent what they look for is."""
        for number in range(count):
            how = KINDS[number % 3]
            yield how, self._search(name, how)

    def _search(self, name: str, how: str) -> Search:
        special: Callable[[str], Search] | None = getattr(self, f"_{name}", None)
        if special is not None:
            return special(how)
        if how == ABSENT:
            return {name: self._absent(name)}
        return {name: self._rare(name) if how == RARE else self._drawn(name)}

    def _drawn(self, name: str) -> str:
        return self._random.choice([row[name] for row in self._rows if row[name]]) or ""

    def _rare(self, name: str) -> str:
        rare = {
            "client": ["client-29", RETIRED],
            "action": ["delete", "audit"],
            "reason": ["two_credentials", "wrong_secret"],
            "end_user": [f"u{self._random.randrange(190_000, 200_000)}"],
            "credential": [self._drawn("credential")],
            "node": ["node-2"],
        }
        return self._random.choice(rare[name]) if name in rare else self._drawn(name)

    def _absent(self, name: str) -> str:
        if name == "action":
            return "replicate"  # known to the policy, never asked for
        return {"address": "f" * 32, "version": "2099.9", "collection": EMPTY}.get(
            name, f"nobody-{self._random.randrange(10**9)}"
        )

    def _status(self, how: str) -> Search:
        values = {FREQUENT: ["200", "304", "404"], RARE: ["500", "507"], ABSENT: ["418", "599"]}
        return {"status": self._random.choice(values[how])}

    def _outcome(self, how: str) -> Search:
        rare = ["internal_error", "no_space"]
        values = {FREQUENT: ["served", "not_found", "broken_off"], RARE: rare, ABSENT: ["never"]}
        return {"outcome": self._random.choice(values[how])}

    def _decision(self, _how: str) -> Search:
        return {"decision": self._random.choice(["allow", "refuse"])}

    def _plane(self, _how: str) -> Search:
        return {"plane": self._random.choice(["data", "control"])}

    def _kind(self, _how: str) -> Search:
        return {"kind": self._random.choice(["open", "close", "flood", "every"])}

    def _key(self, how: str) -> Search:
        """With its collection, and over all of them."""
        number = FILES if how == ABSENT else int(FILES * self._random.random() ** 2)
        found = {"key": f"2026/{number:07d}.jpg"}
        if self._random.random() < 0.5:
            found["collection"] = COLLECTIONS[max(0, number % 10 - 4)]
        return found

    def moments(self) -> tuple[dt.datetime, dt.datetime]:
        """A range of time: an hour, a day or a month, somewhere in the year."""
        first = months()[0][0]
        length = dt.timedelta(hours=self._random.choice([1, 24, 24 * 30]))
        since = first + (LAST - first - length) * self._random.random()
        return since, since + length


COMBINATIONS: dict[str, Any] = {
    "a busy client and a rare outcome": {"client": "client-00", "outcome": "no_space"},
    "a busy client and an outcome that never was": {"client": "client-00", "outcome": "never"},
    "a rare client and the usual outcome": {"client": "client-29", "outcome": "served"},
    "a client switched off and the usual status": {"client": RETIRED, "status": "200"},
    "a collection and a rare reason": {"collection": "photos", "reason": "two_credentials"},
    "a busy person and a rare status": {"end_user": "u0", "status": "507"},
    "a node, an action and a decision": {
        "node": "node-1",
        "action": "delete",
        "decision": "refuse",
    },
}
"""What is mean to the planner: each alone is frequent, or says nothing about the other."""
