"""Reading: what a file is, which versions there are, and its bytes."""

import json
from collections.abc import Iterable
from typing import Any

from contentserver.client.asking import Asking, Call
from contentserver.client.download import Reading
from contentserver.client.errors import Gone
from contentserver.client.headers import info_of
from contentserver.client.listing import time_of
from contentserver.client.paths import content_path, versions_path, which
from contentserver.client.seeking import Seeking
from contentserver.client.steps import Answer, Op
from contentserver.client.values import FileInfo, Head, VersionInfo

HEADS = 100  # keys of one request


class Reads(Asking):
    """The operations that read; any of them may be answered by the second address."""

    def get(
        self,
        collection: str,
        key: str,
        *,
        version: str | None = None,
        as_of: int | None = None,
        start: int = 0,
        length: int | None = None,
        on_behalf_of: str | None = None,
    ) -> Op[Reading]:
        """Open a file for reading: the latest version, exactly `version`, or the latest at the end
        of the year `as_of`; from byte `start`, at most `length` bytes.

        The result is a context manager that yields the bytes as they come. A broken connection is
        taken up where it broke. When a whole file has been read its SHA-256 is compared: Damaged.

        Raises NotFound, Deleted, Erased, RangeNotSatisfiable, Unreachable, and what else the server
        answers; ValueError where `version` and `as_of`, or a negative or empty range, are given.
        """
        reading = Reading(self, collection, key, which(version, as_of), on_behalf_of)
        yield from reading.begin(start, length)
        return reading

    def head(
        self,
        collection: str,
        key: str,
        *,
        version: str | None = None,
        as_of: int | None = None,
        on_behalf_of: str | None = None,
    ) -> Op[FileInfo]:
        """What a file is, without its bytes. Arguments and errors as of `get`."""
        parameters = which(version, as_of)
        call = Call(
            "HEAD",
            "content",
            content_path(collection, key),
            parameters,
            self.for_whom(on_behalf_of),
        )
        try:
            answer: Answer = yield from self.ask(call)
        except Gone:
            # An answer to HEAD cannot say whether it was deleted or erased; one to GET does.
            reading = Reading(self, collection, key, parameters, on_behalf_of)
            yield from reading.begin(0, 1)
            yield from reading.close()
            return reading.info
        return info_of(collection, key, answer.status, answer.headers)

    def open(
        self,
        collection: str,
        key: str,
        *,
        version: str | None = None,
        on_behalf_of: str | None = None,
    ) -> Op[Seeking]:
        """A file that can be read, and read from anywhere: ranges are fetched as they are needed,
        of the version that was found first, even if a newer one comes meanwhile.

        Read from beginning to end in order, its SHA-256 is compared like that of `get`.
        """
        parameters = which(version, None)
        info = yield from self.head(collection, key, version=version, on_behalf_of=on_behalf_of)
        return Seeking(self, info, parameters, on_behalf_of)

    def versions(
        self, collection: str, key: str, *, on_behalf_of: str | None = None
    ) -> Op[list[VersionInfo]]:
        """All versions of a file, oldest first, delete markers among them. Raises NotFound."""
        path, headers = versions_path(collection, key), self.for_whom(on_behalf_of)
        answer = yield from self.ask(Call("GET", "versions", path, headers=headers))
        return [_version(entry) for entry in json.loads(answer.body)["versions"]]

    def heads(
        self, collection: str, keys: Iterable[str], *, on_behalf_of: str | None = None
    ) -> Op[dict[str, Head | None]]:
        """The latest versions of many files of a collection, in the order of `keys`; None where
        there is nothing to read. Each hundred is one request. Raises NotFound where the client may
        read none of a hundred.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Head | None] = {}
        for at in range(0, len(wanted), HEADS):
            found |= yield from self._heads(collection, wanted[at : at + HEADS], on_behalf_of)
        return found

    def _heads(
        self, collection: str, keys: list[str], on_behalf_of: str | None
    ) -> Op[dict[str, Head | None]]:
        body = json.dumps({"collection": collection, "keys": keys}).encode()
        headers = {"content-type": "application/json", **self.for_whom(on_behalf_of)}
        call = Call("POST", "heads", "/v1/heads", headers=headers, body=body)
        answer = yield from self.ask(call)
        entries = json.loads(answer.body)["heads"]
        return {key: _head(entries[key]) for key in keys}


def _head(entry: dict[str, Any] | None) -> Head | None:
    if entry is None:
        return None
    return Head(*(entry.get(name) for name in ("version", "etag", "size", "sha256")))


def _version(entry: dict[str, Any]) -> VersionInfo:
    facts = ("version", "etag", "size", "sha256", "media_type", "filename", "created_by")
    at = entry.get("committed_at")
    return VersionInfo(
        **{name: entry.get(name) for name in facts},
        committed_at=time_of(at) if at else None,
        deleted=entry.get("deleted", False),
        imported=entry.get("imported", False),
        from_legacy=entry.get("from") == "legacy",
    )
