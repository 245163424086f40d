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


FIRST_YEAR = 1970
"""Before it no database noted the time of a change."""


def with_year(
    payload: Payload, year: int, root: str, *, roots: Collection[str], today: dt.date
) -> dict[str, Any]:
    """The layout with one more open year: this one or the next.

    A year that is open on that root already leaves the layout as it is, so a request may be
    answered twice. Raises LayoutRefused.
    """
    if _is_there(payload, year, root, "open"):
        return dict(payload)
    _refuse_unknown(root, roots)
    if not today.year <= year <= today.year + 1:
        raise LayoutRefused(
            f"the year {year} cannot be opened: only {today.year} and {today.year + 1} can; an "
            f"earlier year can take imports: manage.py open_year {year} --importing"
        )
    # Its folder is made by the first commit: readers ask for it only once the year takes none.
    return _with_place(payload, year, root, "open")


def with_importing_year(
    payload: Payload, year: int, root: str, *, roots: Collection[str], today: dt.date
) -> dict[str, Any]:
    """The layout with one more year that takes imports only: one before this year.

    As `with_year` otherwise. Its folder has to be on the root before this is published.
    """
    if _is_there(payload, year, root, "importing"):
        return dict(payload)
    _refuse_unknown(root, roots)
    if not FIRST_YEAR <= year < today.year:
        raise LayoutRefused(
            f"the year {year} cannot be opened for imports: only {FIRST_YEAR} to {today.year - 1}"
            f" can; the current year takes imports as it takes commits"
        )
    return _with_place(payload, year, root, "importing")


def _is_there(payload: Payload, year: int, root: str, state: str) -> bool:
    """Whether the year is on this root in this state. Raises LayoutRefused if it is otherwise."""
    places = payload["years"].get(str(year), [])
    if not places:
        return False
    if all(place == {"root": root, "state": state} for place in places):
        return True
    held = ", ".join(f"{place['root']} ({place['state']})" for place in places)
    raise LayoutRefused(f"the year {year} lies on {held} already; {_MEANING[places[0]['state']]}")


_MEANING = {
    "open": "it takes commits and imports there",
    "importing": "it takes imports there, and nothing else",
    "sealed": "a sealed year takes nothing",
    "moving": "a sealed year takes nothing",
}


def _refuse_unknown(root: str, roots: Collection[str]) -> None:
    if root not in roots:
        raise LayoutRefused(
            f"no storage root is called {root}; there are: {', '.join(sorted(roots))}"
        )


def _with_place(payload: Payload, year: int, root: str, state: str) -> dict[str, Any]:
    years = {**payload["years"], str(year): [{"root": root, "state": state}]}
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
