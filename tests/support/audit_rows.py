"""Records straight in PostgreSQL's copy, with the sums that the copier would keep."""

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
from django.db import connection

from skold.ledger.bundles import Bundles, Leaf
from skold.ledger.mark import read_mark
from skold.ledger.rows import COLUMNS, Record
from skold.ledger.sums import Sums
from skold.models import LedgerMark

INSERT = (
    f"INSERT INTO skold_audit ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
)


class AuditRows:
    """One node's records, numbered as they come; one writer unless another is named."""

    def __init__(self, node: str = "node-1") -> None:
        self.node, self.leaves = node, 0
        self._numbers: dict[str, int] = {}

    def add(
        self, at: dt.datetime, kind: str, *, private: Any = None, writer: str = "w", **body: Any
    ) -> int:
        """One record; returns its number within its writer."""
        n = body.pop("n", self._numbers.get(writer, 0))
        self._numbers[writer] = n + 1
        said = {"at": at.isoformat(), "kind": kind, "n": n, "writer": writer, **body}
        leaf = Leaf(self.leaves, orjson.dumps(said), orjson.dumps(private or {}))
        self._write(Record(leaf), None)
        return n

    def access(self, at: dt.datetime, *, private: Any = None, **body: Any) -> int:
        """A pair: allowed and served unless `body` says otherwise. Returns the number of `req`."""
        asked = {"id": f"r-{self.leaves}", "plane": "data", "method": "GET", "action": "read"}
        asked |= {"decision": "allow", "reason": "granted", "client": "portal"}
        ended = {name: body.pop(name) for name in ("status", "bytes", "outcome") if name in body}
        asked |= body
        refused = asked["decision"] == "refuse"
        status = (404, "not_found") if refused else (200, "served")
        given = {"bytes": 64, "microseconds": 900, "status": status[0]}
        given |= {"outcome": status[1], **ended}
        asked = {name: value for name, value in asked.items() if value is not None}
        n = self._numbers.get("w", 0)
        request = self._leaf(at, {"kind": "req", **asked}, private)
        self._write(request, None)
        end = {"kind": "done", "ref": n, **given}
        self._write(self._leaf(at + dt.timedelta(milliseconds=9), end, None), request.asked)
        return n

    def load(self, ledger: Path) -> int:
        """Whatever the ledger holds beyond what is here; returns the number of leaves."""
        leaves = read_mark(ledger, self.node).leaves
        asked: dict[Any, Any] = {}
        for leaf in Bundles(ledger).iter_leaves(0, leaves, leaves):
            record = Record(leaf)
            asked[record.place] = record.asked
            if leaf.index >= self.leaves:
                self._write(record, asked.get(record.request_place))
        return leaves

    def _leaf(self, at: dt.datetime, body: dict[str, Any], private: Any) -> Record:
        n = self._numbers.get("w", 0)
        self._numbers["w"] = n + 1
        said = {"at": at.isoformat(), "n": n, "writer": "w", **body}
        return Record(Leaf(self.leaves, orjson.dumps(said), orjson.dumps(private or {})))

    def _write(self, record: Record, asked: Any) -> None:
        row = record.row(self.node, asked)
        with connection.cursor() as cursor:
            cursor.execute("SELECT skold_audit_partition(%s)", [record.at])
            cursor.execute(INSERT, row)
            sums = Sums()
            sums.add(row)
            sums.write(connection.connection)
        self.leaves += 1
        LedgerMark.objects.update_or_create(node=self.node, defaults={"next_leaf": self.leaves})
