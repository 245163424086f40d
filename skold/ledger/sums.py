"""Sums of the rows that one transaction copies, written in that transaction: each row is counted
exactly once, whatever is killed.

One statement for each table, its rows in the order of the key, the tables in one order: copiers of
several nodes meet in `skold_credentialuse` and `skold_knownnetwork` without a deadlock. Nothing a
record holds may stop the copy, so texts are cut to their columns and numbers to what can be added.
"""

import datetime as dt
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
import psycopg

from skold.flood import network_of
from skold.ledger.rows import COLUMNS

ADD_HOURS = """
INSERT INTO skold_audithour AS old
       (hour, node, plane, client, action, decision, outcome, count, bytes)
SELECT * FROM unnest(%s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                     %s::text[], %s::bigint[], %s::bigint[])
ON CONFLICT (hour, node, plane, client, action, decision, outcome) DO UPDATE
SET count = old.count + EXCLUDED.count,
    bytes = least(old.bytes::numeric + EXCLUDED.bytes, 9223372036854775807)::bigint
"""
NOTE_USES = """
INSERT INTO skold_credentialuse AS old (credential, last_used_at)
SELECT * FROM unnest(%s::text[], %s::timestamptz[])
ON CONFLICT (credential) DO UPDATE SET last_used_at = EXCLUDED.last_used_at
WHERE EXCLUDED.last_used_at > old.last_used_at
"""
# A signed URL is made to be used from elsewhere: its networks say nothing about the client.
NOTE_NETWORKS = """
INSERT INTO skold_knownnetwork AS old (client, network, first_at, last_at)
SELECT client, network, min(first_at), max(last_at)
FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])
     AS met (client, network, credential, first_at, last_at)
WHERE NOT EXISTS (SELECT FROM skold_urlkey WHERE id = met.credential)
GROUP BY client, network ORDER BY client, network
ON CONFLICT (client, network) DO UPDATE
SET first_at = least(old.first_at, EXCLUDED.first_at),
    last_at = greatest(old.last_at, EXCLUDED.last_at)
"""
FORGET = "DELETE FROM skold_audithour WHERE node = %s"
"""For whoever empties a node's copy and sets its mark back; the two others are only ever raised."""

FLOOD = "flood"
"""Outcome of refusals that were only counted."""
MOST = 1 << 48
"""What one record may add: 281 TB, or as many refusals."""

_AT, _KIND = COLUMNS.index("at"), COLUMNS.index("kind")
_NODE, _BYTES = COLUMNS.index("node"), COLUMNS.index("bytes")
_CLIENT, _CREDENTIAL = COLUMNS.index("client"), COLUMNS.index("credential")
_DECISION, _OUTCOME = COLUMNS.index("decision"), COLUMNS.index("outcome")
_PLANE, _ACTION = COLUMNS.index("plane"), COLUMNS.index("action")
_PRIVATE, _BODY = COLUMNS.index("private"), COLUMNS.index("body")
_WIDTHS = (16, 64, 16, 8, 64)
"""Of plane, client, action, decision, outcome."""

Row = tuple[Any, ...]
Hour = tuple[dt.datetime, str, str | None, str | None, str | None, str | None, str | None]
Span = tuple[dt.datetime, dt.datetime]


class Sums:
    """What the rows of one transaction add up to. `add` each, then `write` once."""

    def __init__(self) -> None:
        self._hours: dict[Hour, tuple[int, int]] = {}
        self._uses: dict[str, dt.datetime] = {}
        self._networks: dict[tuple[str, str, str], Span] = {}

    def add(self, row: Row) -> None:
        """Count a row, whose values are those of COLUMNS."""
        kind = row[_KIND]
        if kind == "done":
            self._count(row, row[_DECISION], row[_OUTCOME], 1, row[_BYTES])
        elif kind == "req" and row[_DECISION] == "allow":
            self._note(row)
        elif kind == FLOOD:
            self._count(row, "refuse", FLOOD, _flooded(row[_BODY]), 0)

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """Within the caller's transaction. Raises psycopg.Error."""
        if self._hours:
            connection.execute(ADD_HOURS, _columns(self._cut_hours()))
        if self._uses:
            connection.execute(NOTE_USES, _columns(sorted(self._uses.items())))
        if self._networks:
            met = [(*key, *self._networks[key]) for key in sorted(self._networks)]
            connection.execute(NOTE_NETWORKS, _columns(met))

    def _cut_hours(self) -> list[tuple[Any, ...]]:
        """Cut to the widths of the columns; what is equal then is one."""
        cut: dict[tuple[Any, ...], tuple[int, int]] = {}
        for (hour, node, *texts), (count, size) in self._hours.items():
            key = (hour, node, *((text or "")[:w] for text, w in zip(texts, _WIDTHS, strict=True)))
            counted, summed = cut.get(key, (0, 0))
            cut[key] = (counted + count, summed + size)
        return [(*key, *cut[key]) for key in sorted(cut)]

    def _count(
        self, row: Row, decision: str | None, outcome: str | None, count: int, size: int | None
    ) -> None:
        began = row[_AT].replace(minute=0, second=0, microsecond=0)
        hour = (began, row[_NODE], row[_PLANE], row[_CLIENT], row[_ACTION], decision, outcome)
        counted, summed = self._hours.get(hour, (0, 0))
        self._hours[hour] = (counted + count, summed + min(max(size or 0, 0), MOST))

    def _note(self, row: Row) -> None:
        at, client, credential = row[_AT], row[_CLIENT], row[_CREDENTIAL]
        if credential:
            credential = credential[:128]
            self._uses[credential] = max(at, self._uses.get(credential, at))
        network = _network(row[_PRIVATE]) if client else None
        if network is not None:
            key = (client[:64], network, credential or "")
            first, last = self._networks.get(key, (at, at))
            self._networks[key] = (min(first, at), max(last, at))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _network(private: str) -> str | None:
    """The caller's network; None where none is recorded, or the personal part was redacted."""
    fields = orjson.loads(private)
    address = fields.get("network") if isinstance(fields, dict) else None
    return _network_of(address) if isinstance(address, str) and address else None


@lru_cache(maxsize=10_000)
def _network_of(address: str) -> str:
    return network_of(address)[:49]


def _flooded(body: bytes) -> int:
    count = orjson.loads(body).get("count")
    return min(max(count, 0), MOST) if type(count) is int else 0
