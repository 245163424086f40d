"""Which leaves of a node the records on a screen are, with the other halves of their accesses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from skold.listing.reading import bounded
from skold.models import AuditRecord
from skold.models.audit import AuditQuerySet

PATIENCE = 20.0
"""Seconds to find them all."""
CHUNK = 1000
ORDER = ("-at", "-node", "-leaf_index")

Found = tuple[str, int, str, int, int | None, str]
_FIELDS = ("node", "leaf_index", "writer", "n", "ref", "kind")


@dataclass(frozen=True, slots=True)
class Chosen:
    """`leaves` of the node. `cut`: there were more than the limit, and the newest were taken.
    `elsewhere`: records of other nodes, whose ledgers lie on other machines."""

    leaves: Sequence[int]
    cut: bool
    elsewhere: int


def choose(rows: AuditQuerySet, node: str, limit: int) -> Chosen:
    """Of `rows` the newest `limit`, each with its other half. Raises TookTooLong."""
    with bounded(PATIENCE, in_order=False):
        found: list[Found] = list(rows.order_by(*ORDER).values_list(*_FIELDS)[: limit + 1])
        cut = len(found) > limit
        here = [row for row in found[:limit] if row[0] == node]
        leaves = {row[1] for row in here}
        for halves in _halves(node, here):
            leaves.update(halves)
    elsewhere = len(found[:limit]) - len(here)
    return Chosen(sorted(leaves), cut, elsewhere)


def _halves(node: str, rows: Sequence[Found]) -> Iterator[Sequence[int]]:
    """Ends of requests, and requests of ends."""
    for first in range(0, len(rows), CHUNK):
        part = rows[first : first + CHUNK]
        yield from (_ends(node, part), _requests(node, part))


def _ends(node: str, rows: Sequence[Found]) -> Sequence[int]:
    places = [(row[2], row[3]) for row in rows if row[5] == "req"]
    return _leaves(node, "done", "ref", places)


def _requests(node: str, rows: Sequence[Found]) -> Sequence[int]:
    places = [(row[2], row[4]) for row in rows if row[5] == "done" and row[4] is not None]
    return _leaves(node, "req", "n", [(writer, n) for writer, n in places if n is not None])


def _leaves(node: str, kind: str, field: str, places: Sequence[tuple[str, int]]) -> list[int]:
    if not places:
        return []
    numbers: dict[str, list[int]] = {}
    for writer, number in places:
        numbers.setdefault(writer, []).append(number)
    wanted = Q()
    for writer, given in numbers.items():
        wanted |= Q(writer=writer, **{f"{field}__in": given})
    rows = AuditRecord.objects.filter(wanted, node=node, kind=kind).order_by()
    return list(rows.values_list("leaf_index", flat=True))
