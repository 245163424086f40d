"""Lists of the control plane: files and changes, page by page."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from contentserver.client.asking import Asking, Call
from contentserver.client.steps import Emit, Flow
from contentserver.client.values import Change, FileEntry

PAGE = ("page_size", "1000")


class Lists(Asking):
    """The operations that list; they need the database, unlike all others."""

    def list(
        self, collection: str, prefix: str = "", *, deleted: bool | None = False
    ) -> Flow[FileEntry]:
        """Files of a collection whose key begins with `prefix`, newest first; with `deleted` True
        only deleted ones, with None all. Needs the grant to list. Raises NotFound without it.
        """
        wanted = [("collection", collection), PAGE]
        wanted += [("prefix", prefix)] if prefix else []
        wanted += [("deleted", str(deleted).lower())] if deleted is not None else []
        after: str | None = ""
        while after is not None:
            parameters = [*wanted, ("after", after)] if after else wanted
            answer = yield from self.ask(Call("GET", "files", "/api/v1/files", parameters))
            page = json.loads(answer.body)
            for row in page["results"]:
                yield Emit(_entry(row))
            after = _after(page["next"])

    def changes(self, after: str | None = None) -> Flow[Change]:
        """What became known since the place `after` (the attribute of a change), or from the
        beginning, up to now. Raises FeedRenewed where the place means nothing any more.
        """
        more = True
        while more:
            parameters = [PAGE] + ([("after", after)] if after else [])
            answer = yield from self.ask(Call("GET", "changes", "/api/v1/changes", parameters))
            page = json.loads(answer.body)
            rows = page["results"]
            for row in rows[:-1]:
                yield Emit(_change(row, after))
            for row in rows[-1:]:
                yield Emit(_change(row, page["after"]))
            after, more = page["after"], page["more"]


def time_of(text: str) -> datetime:
    """An RFC 3339 time."""
    return datetime.fromisoformat(text)


def _after(link: str | None) -> str | None:
    """The place that the link to the next page names."""
    return parse_qs(urlsplit(link).query)["after"][0] if link else None


def _entry(row: Mapping[str, Any]) -> FileEntry:
    facts: dict[str, Any] = {name: row.get(name) for name in FileEntry.__dataclass_fields__}
    facts["committed_at"] = time_of(row["committed_at"])
    return FileEntry(**facts)


def _change(row: Mapping[str, Any], after: str | None) -> Change:
    facts: dict[str, Any] = {name: row.get(name) for name in Change.__dataclass_fields__}
    facts |= {"committed_at": time_of(row["committed_at"]), "after": after}
    return Change(**facts)
