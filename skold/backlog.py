"""Records that no disk has confirmed yet while the journal is between two lives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from skold.records import RawFrame, Scalar, commitment, find_frame
from skold.tickets import Group, JournalUnavailable, Ticket

MAX_ENTRIES = 20_000
_RENEWED = frozenset(("kind", "n", "writer", "group", "ref", "ref_writer", "private"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A record to be written by the next life."""

    ticket: Ticket
    kind: str
    body: Mapping[str, Scalar]
    private: tuple[bytes, str] | None


@dataclass(slots=True)
class Backlog:
    """In the order of appending. `groups` are those whose waiters have not been told anything."""

    entries: list[Entry] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)

    def take_over(self, groups: list[Group]) -> None:
        """Unsettled groups of a life that has ended; their records will be marked `again`."""
        for group in groups:
            for ticket, frame in zip(group.tickets, group.frames, strict=True):
                entry = _again(ticket, frame)
                if entry is not None:
                    self.entries.append(entry)
        self.groups.extend(groups)

    def hold(self, entry: Entry) -> None:
        """A record appended between two lives. Raises JournalUnavailable when too many wait."""
        if len(self.entries) >= MAX_ENTRIES:
            raise JournalUnavailable("too many records wait for a journal that can be written")
        self.entries.append(entry)

    def refuse(self, reason: str) -> None:
        """Tell all who wait that it failed; the records themselves stay, to be written when a disk
        is back.
        """
        for group in self.groups:
            group.settle(reason)
        self.groups = []


def _again(ticket: Ticket, frame: bytes) -> Entry | None:
    raw = find_frame(frame)
    assert raw is not None, "a frame of our own making is whole"
    fields = orjson.loads(raw.body)
    if fields["kind"] in {"open", "close"}:  # they speak of the life that has ended
        return None
    return Entry(ticket, fields["kind"], _repeated(ticket, fields), _private(raw))


def _repeated(ticket: Ticket, fields: dict[str, Any]) -> dict[str, Scalar]:
    body: dict[str, Scalar] = {k: v for k, v in fields.items() if k not in _RENEWED}
    body.setdefault("again", f"{ticket.writer}/{ticket.n}")
    return body


def _private(raw: RawFrame) -> tuple[bytes, str] | None:
    return (raw.private, commitment(raw.private)) if raw.private else None
