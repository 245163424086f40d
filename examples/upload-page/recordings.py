"""What the institution's system does with a recording: its own row and the file, in two stages.

The file's bytes go from the browser to the content server and never pass here. This side alone
holds the API key; the browser gets an address, signed for a limited time, that can do one thing:
send the bytes of one upload.
"""

# ruff: noqa: INP001 - a folder to copy, no package

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contentserver.client import Client, errors

LIFETIME = (
    3600  # seconds that a signed address holds; the page asks for a new one when it has ended
)
_TABLE = """
CREATE TABLE IF NOT EXISTS recording (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL,
    size INTEGER NOT NULL, upload TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'sending',
    version TEXT, sha256 TEXT, reason TEXT
)
"""


class NotThere(Exception):
    """There is no such recording, or it is somebody else's."""


class NotGranted(Exception):
    """The content server lets this system stage nothing there: a matter for who set it up."""


class NotYet(Exception):
    """Not all bytes have arrived."""


@dataclass(frozen=True)
class Wish:
    """What the page says of the file before it sends it."""

    title: str
    name: str
    size: int
    media_type: str


class Recordings:
    """Recordings and their states: sending, accepted (here, not yet there), stored, refused."""

    def __init__(self, database: Path, client: Client, collection: str) -> None:
        self._database = database
        self._client = client
        self._collection = collection
        with self._rows() as rows:
            rows.execute(_TABLE)

    def begin(self, owner: str, wish: Wish) -> dict[str, Any]:
        """Stage one begins: an empty upload there, a row here. Raises NotGranted."""
        identifier = secrets.token_urlsafe(16)
        try:
            upload = self._client.stage(
                self._collection,
                f"recordings/{identifier}",
                size=wish.size,
                media_type=wish.media_type,
                filename=wish.name,
                on_behalf_of=owner,
            )
        except errors.NotFound:
            raise NotGranted(f"needs `stage` and `commit` on {self._collection!r}") from None
        with self._rows() as rows:
            rows.execute(
                "INSERT INTO recording (id, title, owner, name, size, upload) VALUES (?,?,?,?,?,?)",
                (identifier, wish.title, owner, wish.name, wish.size, upload.url),
            )
        return self.show(owner, identifier)

    def show(self, owner: str, identifier: str) -> dict[str, Any]:
        """The recording as the page may know it; while it is sent, with a fresh signed address."""
        row = self._find(owner, identifier)
        shown = {name: row[name] for name in row.keys() if name not in {"owner", "upload"}}  # noqa: SIM118
        if row["state"] == "sending":
            shown["address"] = self._client.sign_upload(
                row["upload"], lifetime=LIFETIME, subject=owner
            )
        return shown

    def finish(self, owner: str, identifier: str) -> dict[str, Any]:
        """All bytes are there: our own transaction, then stage two. May be called again.

        Raises NotYet.
        """
        row = self._find(owner, identifier)
        if row["state"] == "sending":
            if self._client.upload(row["upload"]).offset != row["size"]:
                raise NotYet
            # Whatever else belongs to the act stands in this transaction: a booking, a message.
            self._change(identifier, state="accepted")
        if row["state"] in {"sending", "accepted"}:
            self._commit(identifier, row["upload"], owner)
        return self.show(owner, identifier)

    def give_up(self, owner: str, identifier: str) -> None:
        """The upload is ended there, and nothing of it stays here."""
        row = self._find(owner, identifier)
        if row["state"] not in {"sending", "refused"}:
            return
        with suppress(errors.NotFound, errors.Gone):  # it has expired, or this was asked twice
            self._client.upload(row["upload"]).delete()
        with self._rows() as rows:
            rows.execute("DELETE FROM recording WHERE id = ?", (identifier,))

    def take_up(self) -> None:
        """At the start: commit what was accepted here before the power went. A commit answers the
        same however often it is asked.
        """
        with self._rows() as rows:
            left = rows.execute("SELECT * FROM recording WHERE state = 'accepted'").fetchall()
        for row in left:
            self._commit(row["id"], row["upload"], row["owner"])

    def _commit(self, identifier: str, upload: str, owner: str) -> None:
        try:
            stored = self._client.upload(upload).commit(on_behalf_of=owner)
        except errors.CheckRefused as refused:
            self._change(identifier, state="refused", reason=refused.detail)
            return
        self._change(identifier, state="stored", version=stored.version, sha256=stored.sha256)

    def _change(self, identifier: str, **values: str | None) -> None:
        names = ", ".join(f"{name} = ?" for name in values)
        with self._rows() as rows:
            rows.execute(
                f"UPDATE recording SET {names} WHERE id = ?",  # noqa: S608 - names of ours
                (*values.values(), identifier),
            )

    def _find(self, owner: str, identifier: str) -> sqlite3.Row:
        with self._rows() as rows:
            row: sqlite3.Row | None = rows.execute(
                "SELECT * FROM recording WHERE id = ? AND owner = ?", (identifier, owner)
            ).fetchone()
        if row is None:
            raise NotThere
        return row

    @contextmanager
    def _rows(self) -> Iterator[sqlite3.Connection]:
        """A transaction of its own."""
        with closing(sqlite3.connect(self._database, timeout=10)) as rows, rows:
            rows.row_factory = sqlite3.Row
            yield rows
