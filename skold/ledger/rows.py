"""A leaf as a row of `skold_audit`.

The body's bytes go in as they are, so the row can always prove itself; the columns are only for
searching. Nothing a record holds may stop the copy: what PostgreSQL cannot take (NUL, texts too
long for an index) is made to fit.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from skold.ledger.bundles import Leaf

ASKED = (
    "request_id",
    "plane",
    "method",
    "action",
    "decision",
    "reason",
    "rule",
    "client",
    "credential",
    "end_user_known",
    "collection",
    "address",
    "version",
    "resource",
)
"""What a request asked for. Its `done` row repeats it, so that one row answers a search."""

DONE = ("status", "outcome", "bytes", "microseconds")
COLUMNS = (
    *("node", "leaf_index", "at", "writer", "n", "kind", "ref"),
    *ASKED,
    *DONE,
    *("private", "body"),
)
COPY = f"COPY skold_audit ({', '.join(COLUMNS)}) FROM STDIN"

LONGEST = 256
"""Characters. An entry of a B-tree must stay below 2,704 bytes."""
SHORT = 4 * LONGEST
"""Bytes. A text in a body of this size may exceed LONGEST, yet fits the index."""
UNREADABLE_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

Asked = tuple[str | None, ...]
Place = tuple[str, int]
_BODY_NAME = {"request_id": "id"}
_TEXTS = frozenset((str, type(None)))
_NAMES = tuple(_BODY_NAME.get(column, column) for column in ASKED)


class Record:
    """A leaf with its fields read; `kind` is `unreadable` when the body is no JSON object.

    `place` is writer and number; `asked` the values for ASKED, from this body alone.
    """

    __slots__ = ("asked", "at", "fields", "kind", "leaf", "place")

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.fields = fields = _fields(leaf.body)
        self.kind = text_of(fields.get("kind")) or "unreadable"
        self.at = _time(fields.get("at"))
        self.place: Place = (text_of(fields.get("writer")) or "", whole(fields.get("n")) or 0)
        self.asked: Asked = _asked(fields, leaf.body)

    @property
    def request_place(self) -> Place | None:
        """Where the request of a `done` stands; None for every other record."""
        if self.kind != "done":
            return None
        ref = whole(self.fields.get("ref"))
        if ref is None:
            return None
        return text_of(self.fields.get("ref_writer")) or self.place[0], ref

    def row(self, node: str, request: Asked | None) -> tuple[Any, ...]:
        """Values for COLUMNS; `request` fills what a `done` does not say itself."""
        asked = self.asked
        if request is not None:
            asked = tuple([own or given for own, given in zip(asked, request, strict=True)])
        fields = self.fields
        return (
            *(node, self.leaf.index, self.at, *self.place, self.kind, whole(fields.get("ref"))),
            *asked,
            *(_status(fields.get("status")), text_of(fields.get("outcome"))),
            *(whole(fields.get("bytes")), whole(fields.get("microseconds"))),
            *(_private(self.leaf.private), self.leaf.body),
        )


def months(records: Iterable[Record]) -> dict[str, dt.datetime]:
    """The months (UTC, `2026-11`) in which the records lie, each with a moment in it."""
    found = {(record.at.year, record.at.month): record.at for record in records}
    return {f"{year}-{month:02d}": at for (year, month), at in found.items()}


def text_of(value: object) -> str | None:
    """A text as PostgreSQL can keep and index it; None for anything else."""
    if not isinstance(value, str):
        return None
    return value[:LONGEST].replace("\0", "\ufffd") if value else value


def whole(value: object) -> int | None:
    """A whole number that fits 64 bits; None for anything else."""
    if type(value) is not int:
        return None
    return value if abs(value) < 2**63 else None


def _asked(fields: Mapping[str, Any], body: bytes) -> Asked:
    values = [fields.get(name) for name in _NAMES]
    # Nearly every body: nothing in it can be too long for an index.
    if len(body) <= SHORT and b"\\u0000" not in body and _TEXTS.issuperset(map(type, values)):
        return tuple(values)
    return tuple([text_of(value) for value in values])


def _status(value: object) -> int | None:
    return value if isinstance(value, int) and 100 <= value <= 999 else None


def _fields(body: bytes) -> Mapping[str, Any]:
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _time(text: object) -> dt.datetime:
    if not isinstance(text, str):
        return UNREADABLE_TIME
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return UNREADABLE_TIME
    return moment.astimezone(dt.UTC) if moment.tzinfo else UNREADABLE_TIME


def _private(raw: bytes) -> str:
    """The private part as jsonb takes it; {} once it was redacted."""
    if not raw:
        return "{}"
    if b"\\u0000" not in raw:
        return raw.decode("utf-8", "replace")
    fields = orjson.loads(raw)
    tame = {
        name: value.replace("\0", "\ufffd") if isinstance(value, str) else value
        for name, value in fields.items()
    }
    return orjson.dumps(tame).decode()
