"""The layout: which year lies on which storage root, and what it takes. The file is the truth.

The bridge alone writes it, because it alone holds the signing key. Operators leave a request in
the database; the bridge answers it by the next number, and copies what it finds on disk into the
database. Never the reverse: a restored database must not move years that lie where they lie.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contentserver.store.layout import Layout
from skold.signed import Document, publish, sign, verify

KIND = "layout"

Payload = Mapping[str, Any]


class LayoutRefused(Exception):
    """What was asked cannot be done; the text says why, and what can."""


def with_year(
    payload: Payload, year: int, root: str, *, roots: Collection[str], today: dt.date
) -> dict[str, Any]:
    """The layout with one more open year: this one or the next.

    An earlier one is refused: there are no imports, so nothing could be stored in it. A year that
    already lies on that root leaves the layout as it is, so a request may be answered twice. Raises
    LayoutRefused.
    """
    years: dict[str, Any] = {name: list(places) for name, places in payload["years"].items()}
    places = years.get(str(year), [])
    if any(place["root"] == root for place in places):
        return {**payload, "years": years}
    if places:
        held = ", ".join(place["root"] for place in places)
        raise LayoutRefused(f"the year {year} lies on {held} already; a sealed year can be moved")
    if root not in roots:
        raise LayoutRefused(
            f"no storage root is called {root}; there are: {', '.join(sorted(roots))}"
        )
    if not today.year <= year <= today.year + 1:
        raise LayoutRefused(
            f"the year {year} cannot be opened: only {today.year} and {today.year + 1} can, "
            f"because nothing is stored in earlier years"
        )
    # Its folder is made by the first commit: readers ask for it only once the year takes none.
    years[str(year)] = [{"root": root, "state": "open"}]
    return {**payload, "years": dict(sorted(years.items()))}


class LayoutPublisher:
    """Reads the layout in force and replaces it durably by the next number."""

    def __init__(
        self,
        path: Path,
        *,
        verify_keys: Mapping[str, bytes],
        signing_key: Callable[[], tuple[str, Ed25519PrivateKey]],
    ) -> None:
        self._path = path
        self._verify_keys = verify_keys
        self._signing_key = signing_key

    def read(self) -> Document:
        """The layout on disk. Raises OSError where there is none, SignatureInvalid where it does
        not verify."""
        return verify(self._path.read_bytes(), KIND, self._verify_keys)

    def publish(self, payload: Payload, *, above: int) -> Document:
        """Write `payload` under the number after the higher of `above` and the disk's."""
        number = 1 + max(above, self.read().number)
        raw = sign(KIND, number, dict(payload), *self._signing_key())
        document = verify(raw, KIND, self._verify_keys)
        Layout.from_document(number, document.payload)
        publish(self._path, raw)
        return document
