"""Versions of one file, and the heads of many, read from the disk: no database is asked."""

import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from contentserver.delivery.access import Access
from contentserver.delivery.body import read_small
from contentserver.delivery.errors import BadRequest
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import send_json
from contentserver.protocol.keys import check_collection, check_key
from contentserver.store.errors import Deleted, Erased, NotStored
from contentserver.store.results import VersionInfo

HEADS = 100  # keys a request
HEADS_BODY = HEADS * 4096  # bytes: 100 keys of 512 bytes, each byte written as \\uXXXX, fit


class Lister:
    """Handlers of /v1/versions and /v1/heads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def versions(self, access: Access) -> None:
        """All versions, oldest first, delete markers among them. Raises NotStored where there is
        none.
        """
        assert access.collection is not None
        assert access.key is not None
        store = self._parts.store
        access.address = store.address(access.collection, access.key).hex()
        found = await self._parts.reading(store.list_versions, access.collection, access.key)
        if not found:
            raise NotStored
        access.begin()
        await access.durable()
        document = {
            "collection": access.collection,
            "key": access.key,
            "versions": [_version(info) for info in found],
        }
        await send_json(access, 200, [], document)

    async def heads(self, access: Access) -> None:
        """Version, size and digest of up to 100 keys of a collection; null where absent, deleted or
        not allowed.
        """
        body = await read_small(access.request, self._parts.patience, HEADS_BODY)
        collection, keys = _read_wanted(body)
        access.collection = collection
        access.key = keys[0]
        allowed = self._allowed(access, keys)
        heads = await self._parts.reading(self._heads, collection, allowed)
        access.key, access.keys = None, keys
        access.begin()
        await access.durable()
        document = {"collection": collection, "heads": {key: heads.get(key) for key in keys}}
        await send_json(access, 200, [], document)

    def _allowed(self, access: Access, keys: list[str]) -> list[str]:
        """The keys that the caller may read; Forbidden if that is none, so that a stranger learns
        nothing.
        """
        assert access.principal is not None
        decide = partial(
            self._parts.gate.decide, access.principal, access.action, access.collection
        )
        decisions = {key: decide(key) for key in keys}
        allowed = [key for key, decision in decisions.items() if decision.allowed]
        access.key = allowed[0] if allowed else keys[0]
        self._parts.decide(access)
        return allowed

    def _heads(self, collection: str, keys: list[str]) -> dict[str, dict[str, Any]]:
        heads = {}
        for key in keys:
            try:
                with self._parts.store.open_latest(collection, key) as stored:
                    heads[key] = {
                        "version": str(stored.version),
                        "etag": stored.etag,
                        "size": stored.size,
                        "sha256": stored.digest.hex(),
                    }
            except (NotStored, Deleted, Erased):
                continue
        return heads


def _version(info: VersionInfo) -> dict[str, Any]:
    return {
        "version": str(info.version),
        "etag": info.etag,
        "size": info.size,
        "sha256": info.sha256.hex(),
        "media_type": info.metadata.media_type,
        "filename": info.metadata.filename,
        "created_by": info.metadata.created_by,
        "committed_at": _rfc3339(info.committed_at_ns),
        "deleted": info.deleted,
        "imported": info.imported,
    }


def _rfc3339(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def _check_members(members: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise BadRequest(f"the member {name[:64]!a} is given more than once; send it once")
        seen.add(name)


def _read_wanted(body: bytes) -> tuple[str, list[str]]:
    """The collection and keys asked for. Raises BadRequest naming the member that is wrong;
    BadKey.
    """
    try:
        wanted = orjson.loads(body)
        # orjson takes the last of two members of one name; a proxy in between may take the first.
        json.loads(body, object_pairs_hook=_check_members)
    except (orjson.JSONDecodeError, RecursionError):
        raise BadRequest('the body is not JSON; send {"collection": …, "keys": […]}') from None
    if not isinstance(wanted, dict) or wanted.keys() != {"collection", "keys"}:
        raise BadRequest('the body is an object with exactly the members "collection" and "keys"')
    collection, keys = wanted["collection"], wanted["keys"]
    if not isinstance(collection, str):
        raise BadRequest("collection is not text")
    if (
        not isinstance(keys, list)
        or not 1 <= len(keys) <= HEADS
        or not all(isinstance(k, str) for k in keys)
    ):
        raise BadRequest(f"keys is a list of 1 to {HEADS} texts")
    for key in keys:
        check_key(key)
    return check_collection(collection), keys
