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
UPLOADS = b"uploads"
UPLOAD, COMMIT = "upload", "commit"  # names of the routes below /v1/uploads/
PATHS = {UPLOAD: "/v1/uploads/{id}", COMMIT: "/v1/uploads/{id}/commit"}
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

    @property
    def path(self) -> str:
        """The template of its addresses."""
        if self.name.startswith("/"):
            return self.name
        known = PATHS.get(self.name, f"/v1/{self.name}")
        return known + "/{collection}/{key}" if self.keyed else known


class Found(NamedTuple):
    """The route, if there is one; the raw collection and key; the methods that the path knows
    instead; the raw id where the path names an upload.
    """

    route: Route | None
    collection: bytes
    key: bytes
    allowed: list[str]
    upload: bytes = b""


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
        if name == UPLOADS and collection:
            return self._find_upload(method, collection, key)
        keyed = self._names.get(name)
        if keyed is None or keyed != bool(collection) or name in _BELOW:
            return NOTHING
        return Found(self._routes.get((name, method)), collection, key, self._known(name, method))

    def _find_upload(self, method: str, upload: bytes, rest: bytes) -> Found:
        """`/v1/uploads/{id}` and what follows it."""
        name = COMMIT.encode() if rest else UPLOAD.encode()
        if rest not in {b"", COMMIT.encode()}:
            return NOTHING
        route = self._routes.get((name, method))
        return Found(route, b"", b"", self._known(name, method), upload)

    def _known(self, name: bytes, method: str) -> list[str]:
        """The methods of a path, where this one is none of them."""
        if (name, method) in self._routes:
            return []
        return [known for (other, known) in self._routes if other == name]


_BELOW = frozenset((UPLOAD.encode(), COMMIT.encode()))


def _split(raw_path: bytes) -> tuple[bytes, bytes, bytes]:
    """`/v1/content/photos/a/b` -> content, photos, a/b; `/healthz` -> /healthz."""
    if not raw_path.startswith(b"/v1/"):
        return raw_path, b"", b""
    name, _, rest = raw_path[4:].partition(b"/")
    collection, _, key = rest.partition(b"/")
    return name, collection, key
