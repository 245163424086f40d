"""Stage two: an upload becomes the next version of its file, because its client says so, or with
`commit=auto` by its last byte.

`req` is durable before the store is asked to link anything, `done` before the version is
acknowledged; every repetition is answered from the receipt.
"""

from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote

from contentserver.delivery.access import Access
from contentserver.delivery.declared import entity_tags, unmodified_since
from contentserver.delivery.parts import Parts
from contentserver.delivery.responses import Headers, send_json
from contentserver.delivery.upload_door import Door, Entered, erased
from contentserver.delivery.upload_holding import Holding
from contentserver.delivery.upload_request import version_headers
from contentserver.delivery.write import answer_of
from contentserver.protocol.digests import BadDigest, format_sha256, parse_sha256
from contentserver.store.errors import Erased, Refused
from contentserver.store.results import Receipt
from contentserver.store.upload import Upload
from skold.years import Years


@dataclass(frozen=True, slots=True)
class Wish:
    """What a commit asks for: entity tags are quoted, `("*",)` is any; `if_unmodified_since`
    is in seconds since the epoch.
    """

    sha256: bytes | None = None
    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None
    if_unmodified_since: int | None = None


def read_wish(access: Access) -> Wish:
    """Raises BadRequest, BadDigest."""
    headers = access.request.headers
    return Wish(
        read_sha256(headers.get("repr-digest")),
        entity_tags(headers.get("if-match"), "If-Match"),
        entity_tags(headers.get("if-none-match"), "If-None-Match"),
        unmodified_since(headers.get("if-unmodified-since")),
    )


def read_sha256(value: str | None) -> bytes | None:
    """The SHA-256 of Repr-Digest. Raises BadDigest."""
    try:
        return parse_sha256(value)
    except BadDigest as error:
        raise BadDigest(f"Repr-Digest: {error}") from None


class Finisher:
    """Commits uploads on behalf of accesses."""

    def __init__(self, parts: Parts, door: Door) -> None:
        self._parts = parts
        self._door = door

    def announce(self, access: Access, entered: Entered) -> Entered:
        """Judge and record the access as a commit. Raises Forbidden, OutsideYears."""
        access.action = "commit"
        return replace(entered, years=self._door.decide(access, entered.state))

    async def finish_auto(
        self, access: Access, upload: Upload, years: Years | None, status: int = 204
    ) -> Receipt | None:
        """The receipt of an upload that its last byte commits; None where there is more to come.
        The access has been announced. Raises what a commit does.
        """
        if not upload.commit_auto or not upload.is_complete:
            return None
        if upload.refused is not None:
            raise Refused(upload.refused)
        return await self.commit(access, upload, years, Wish(), status)

    async def commit(
        self, access: Access, upload: Upload, years: Years | None, wish: Wish, status: int | None
    ) -> Receipt:
        """Commit the upload that is held. The version is in the record, durably, when this returns;
        `status` is the answer that follows, None for that of a commit. Raises as `Upload.commit`,
        SubjectErased, JournalUnavailable.
        """
        commit = partial(
            upload.commit,
            actor=access.actor,
            sha256=wish.sha256,
            if_match=wish.if_match,
            if_none_match=wish.if_none_match,
            if_unmodified_since=wish.if_unmodified_since,
            same_bytes_ok=True,
            on_behalf_of=access.principal.end_user if access.principal else None,
            years=years,
            check=self._parts.checks,
        )
        await access.durable()
        try:
            receipt = await self._parts.writing(commit)
        except Erased:
            raise erased() from None
        await access.stored(status or status_of(receipt), str(receipt.version), receipt.size)
        return receipt


class Committing:
    """Handler of POST /v1/uploads/{id}/commit."""

    def __init__(self, parts: Parts, door: Door, holding: Holding, finisher: Finisher) -> None:
        self._parts = parts
        self._door = door
        self._holding = holding
        self._finisher = finisher

    async def commit(self, access: Access) -> None:
        """Answer 201, or 200 where these bytes were the latest version already; every repetition
        gets the same answer.
        """
        wish = read_wish(access)
        entered = await self._door.enter(access)
        await self._door.refuse_erased(entered.state.metadata)
        receipt = entered.state.receipt
        if receipt is None:
            self._door.refuse_write(access)
            async with self._holding.hold(entered.id) as upload:
                access.begin()
                receipt = await self._finisher.commit(access, upload, entered.years, wish, None)
        else:
            access.begin()
            await access.stored(status_of(receipt), str(receipt.version), receipt.size)
        await self._answer(access, receipt)

    async def _answer(self, access: Access, receipt: Receipt) -> None:
        headers: Headers = [
            (b"location", location_of(access, receipt, self._parts.public_url)),
            *version_headers(receipt),
            (b"repr-digest", format_sha256(receipt.sha256).encode()),
        ]
        await send_json(access, status_of(receipt), headers, answer_of(access, receipt))


def status_of(receipt: Receipt) -> int:
    return 201 if receipt.created else 200


def location_of(access: Access, receipt: Receipt, public_url: str) -> bytes:
    """Where exactly this version is."""
    assert access.key is not None
    path = f"/v1/content/{access.collection}/{quote(access.key, safe='/')}"
    return f"{public_url}{path}?version={receipt.version}".encode("ascii")
