"""DELETE of a file: a delete marker becomes its next version; no byte is removed."""

from functools import partial

from contentserver.delivery.access import Access
from contentserver.delivery.declared import entity_tags, unmodified_since
from contentserver.delivery.modes import refuse_write
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import send_whole
from skold.years import Years


class Remover:
    """Handler of /v1/content for deleting."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def delete(self, access: Access) -> None:
        """Answer 204; NotStored and Deleted become 404 and 410, a condition that does not hold
        412.
        """
        headers = access.request.headers
        assert access.collection is not None
        assert access.key is not None
        refuse_write(access, self._parts.rules.of(access.collection))
        years = access.years
        if years is not None:
            access.close_decision(self._parts.store.year_now())
            await self._look(access, years)
        mark = partial(
            self._parts.store.delete,
            access.collection,
            access.key,
            actor=access.actor,
            if_match=entity_tags(headers.get("if-match"), "If-Match"),
            if_none_match=entity_tags(headers.get("if-none-match"), "If-None-Match"),
            if_unmodified_since=unmodified_since(headers.get("if-unmodified-since")),
            years=years,
            on_behalf_of=access.principal.end_user if access.principal else None,
        )
        access.address = self._parts.store.address(access.collection, access.key).hex()
        access.begin()
        await access.durable()
        receipt = await self._parts.writing(mark)
        version = str(receipt.version)
        await access.stored(204, version, 0)
        await send_whole(access, 204, [(b"x-version", version.encode())])

    async def _look(self, access: Access, years: Years) -> None:
        """So that a version that may not be hidden is refused before `req` says that it may. Raises
        OutsideYears, NotStored, Deleted, …
        """
        assert access.collection is not None
        assert access.key is not None
        find = partial(self._parts.store.open_latest, access.collection, access.key, years=years)
        (await self._parts.reading(find)).close()
