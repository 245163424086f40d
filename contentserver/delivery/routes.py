"""The route table of the data plane. A route without a policy cannot be registered: deny by
default.

Tests walk this table, so that a new route is met with every kind of credential without anybody
remembering it.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

PUBLIC = "public"
ACTIONS = frozenset(
    {
        "read", "write", "delete", "sign", "stage", "commit", "audit", "list", "replicate",
        "administer", PUBLIC,
    }
)  # fmt: skip
Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """`action` is what the caller must be granted, PUBLIC for health and metrics only. A route
    whose handler does not promise to look at years is closed to grants of certain years.
    """

    name: str
    method: str
    action: str
    handler: Handler
    keyed: bool  # the path goes on with /{collection}/{key}
    by_year: bool = False  # the handler holds versions against the years of the decision


class Found(NamedTuple):
    """The route, if there is one; the raw collection and key; the methods that the path knows
    instead.
    """

    route: Route | None
    collection: bytes
    key: bytes
    allowed: list[str]


NOTHING = Found(None, b"", b"", [])


class Routes:
    """Finds by the first segments of the raw path; keys are never decoded here."""

    def __init__(self) -> None:
        self._routes: dict[tuple[bytes, str], Route] = {}
        self._names: dict[bytes, bool] = {}

    def add(
        self,
        name: str,
        method: str,
        action: str,
        handler: Handler,
        *,
        keyed: bool,
        by_year: bool = False,
    ) -> None:
        """Register. Raises ValueError for a route whose action Sköld does not know."""
        if action not in ACTIONS:
            raise ValueError(
                f"route {method} {name}: the action {action!r} is none that Sköld decides on"
            )
        self._names[name.encode()] = keyed
        self._routes[name.encode(), method] = Route(name, method, action, handler, keyed, by_year)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def find(self, method: str, raw_path: bytes) -> Found:
        """The route of a request; the collection and key stay raw."""
        name, collection, key = _split(raw_path)
        keyed = self._names.get(name)
        if keyed is None or keyed != bool(collection):
            return NOTHING
        route = self._routes.get((name, method))
        allowed = [] if route else [known for (other, known) in self._routes if other == name]
        return Found(route, collection, key, allowed)


def _split(raw_path: bytes) -> tuple[bytes, bytes, bytes]:
    """`/v1/content/photos/a/b` -> content, photos, a/b; `/healthz` -> /healthz."""
    if not raw_path.startswith(b"/v1/"):
        return raw_path, b"", b""
    name, _, rest = raw_path[4:].partition(b"/")
    collection, _, key = rest.partition(b"/")
    return name, collection, key
