"""Versions of one file, and the heads of many, read from the disk. No database is asked, but for
files of a source that legacy still has a part in.
"""

import contextlib
import json
from functools import partial
from typing import Any

import orjson

from contentserver.delivery.access import Access
from contentserver.delivery.body import read_small
from contentserver.delivery.errors import BadRequest
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import send_json
from contentserver.delivery.standing import Entry, Standing, head_of
from contentserver.protocol.keys import check_collection, check_key
from contentserver.store.errors import NotStored
from skold.years import Years

Allowed = dict[str, Years | None]  # keys, and the years that the grants reach
HEADS = 100  # keys a request
HEADS_BODY = HEADS * 4096  # bytes: 100 keys of 512 bytes, each byte written as \\uXXXX, fit


class Lister:
    """Handlers of /v1/versions and /v1/heads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._standing = Standing(parts)

    async def versions(self, access: Access) -> None:
        """All versions, oldest first, delete markers among them; those of years that the grants do
        not reach are left out. Raises NotStored where there is none, OutsideYears where no other.
        """
        assert access.collection is not None
        assert access.key is not None
        store = self._parts.store
        access.address = store.address(access.collection, access.key).hex()
        rules = self._parts.rules.of(access.collection)
        list_stored = partial(store.list_versions, access.collection, access.key, access.years)
        versions = await self._standing.versions(access, rules, list_stored)
        if not versions:
            raise NotStored
        access.begin()
        await access.durable()
        document = {"collection": access.collection, "key": access.key, "versions": versions}
        await send_json(access, 200, [], document)

    async def heads(self, access: Access) -> None:
        """Version, size and digest of up to 100 keys of a collection; null where absent, deleted or
        not allowed.
        """
        body = await read_small(access.request, self._parts.patience, HEADS_BODY)
        collection, keys = _read_wanted(body)
        access.collection = collection
        access.key = keys[0]
        heads = await self._find_heads(access, collection, self._allowed(access, keys))
        access.key, access.keys = None, keys
        access.begin()
        await access.durable()
        document = {"collection": collection, "heads": {key: heads.get(key) for key in keys}}
        await send_json(access, 200, [], document)

    async def _find_heads(
        self, access: Access, collection: str, keys: Allowed
    ) -> dict[str, Entry | None]:
        rules = self._parts.rules.of(collection)
        sources = {key: rules.find_source(key) for key in keys} if rules.sources else {}
        asked = {key: each for key, each in sources.items() if each and each.asks_legacy}
        rest = {key: years for key, years in keys.items() if key not in asked}
        heads = await self._parts.reading(self._heads, collection, rest) if rest else {}
        if not asked:
            return heads
        return heads | await self._standing.heads(access, rules, asked, keys)

    def _allowed(self, access: Access, keys: list[str]) -> Allowed:
        """The keys that the caller may read, with the years; Forbidden if that is none, so that a
        stranger learns nothing.
        """
        assert access.principal is not None
        decide = partial(
            self._parts.gate.decide, access.principal, access.action, access.collection
        )
        decisions = {key: decide(key, year_follows=True) for key in keys}
        allowed = {key: each.years for key, each in decisions.items() if each.allowed}
        access.key = next(iter(allowed), keys[0])
        self._parts.decide(access, year_follows=True)
        return allowed

    def _heads(self, collection: str, keys: Allowed) -> dict[str, Entry | None]:
        heads = {}
        for key, years in keys.items():
            with contextlib.suppress(NotStored):
                heads[key] = head_of(self._parts.store, collection, key, years)
        return heads


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
