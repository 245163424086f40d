"""Reading the change feed. A cursor holds, for each node, its feed's identity and the last number.

`node-1:3f2a9c1e:1042,node-2:…` is what a caller gives back unchanged.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contentserver.catalog.models import Change, ChangeFeed

_PLACE = re.compile(r"([^:,]{1,64}):([0-9a-f]{8}):([0-9]{1,18})")


class NoCursor(Exception):
    """The text is no cursor."""


class FeedRenewed(Exception):
    """The feed was numbered anew since the cursor was given."""


@dataclass(frozen=True, slots=True)
class Page:
    """`after` is the cursor behind these results, `more` says that there are others right now."""

    results: Sequence[Change]
    after: str
    more: bool


def read_feed(cursor: str, *, limit: int) -> Page:
    """At most `limit` changes behind the cursor, node after node. Raises NoCursor, FeedRenewed."""
    places = _parsed(cursor)
    feeds = {feed.node: feed.identity.hex[:8] for feed in ChangeFeed.objects.order_by("node")}
    for node, (identity, _) in places.items():
        if feeds.get(node) != identity:
            raise FeedRenewed(node)
    results: list[Change] = []
    more = False
    for node, identity in feeds.items():
        number = places.get(node, (identity, 0))[1]
        found = _read(node, number, limit - len(results) + 1)
        more = more or len(found) > limit - len(results)
        found = found[: limit - len(results)]
        results += found
        places[node] = (identity, found[-1].number if found else number)
    return Page(results, _written(places), more)


def _read(node: str, number: int, limit: int) -> list[Change]:
    rows = Change.objects.filter(node=node, number__gt=number).select_related("version__file")
    return list(rows.order_by("number")[:limit])


def _parsed(cursor: str) -> dict[str, tuple[str, int]]:
    places = {}
    for part in filter(None, cursor.split(",")):
        match = _PLACE.fullmatch(part)
        if match is None:
            raise NoCursor(part)
        places[match[1]] = (match[2], int(match[3]))
    return places


def _written(places: Mapping[str, tuple[str, int]]) -> str:
    return ",".join(f"{node}:{identity}:{number}" for node, (identity, number) in places.items())
