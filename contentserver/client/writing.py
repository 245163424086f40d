"""Writing: a file in one request, or in two stages where it is long; a delete marker."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from contentserver.client.asking import Call
from contentserver.client.digests import field_of
from contentserver.client.errors import ClientError, Deleted, DigestMismatch, NotFound, Unreachable
from contentserver.client.headers import Headers, Tags, about, conditions, stored_of
from contentserver.client.paths import content_path
from contentserver.client.sources import (
    PIECE,
    Data,
    Held,
    Once,
    Rest,
    Source,
    Tally,
    source_of,
)
from contentserver.client.staging import Stages
from contentserver.client.steps import Answer, Body, Op, Passing, Pull, Work
from contentserver.client.upload import Staged
from contentserver.client.values import Progress, Stored

STAGED_FROM: Final = 64 << 20  # bytes; from here on a broken line costs more than two requests
GATHERED: Final = 4 << 20  # bytes of an iterator that are held in memory to see whether it is short

Told = Callable[[Progress], object]


class Writes(Stages):
    """The operations that change what a file is; only the first address takes them."""

    def put(
        self,
        collection: str,
        key: str,
        data: Data,
        *,
        media_type: str | None = None,
        filename: str | None = None,
        data_subject: str | None = None,
        custom: Mapping[str, str] | None = None,
        if_match: Tags | None = None,
        if_none_match: Tags | None = None,
        on_behalf_of: str | None = None,
        progress: Told | None = None,
    ) -> Op[Stored]:
        """Store bytes, a file (pathlib.Path or open) or an iterator of bytes as the next version;
        durable when this returns. `if_match`: replace exactly this ETag; `if_none_match="*"`:
        create only.

        Short content is one PUT with its digest, safe to repeat: equal bytes make no version
        (`created` is False). From 64 MiB on, and where an iterator goes beyond 4 MiB, it is staged
        and committed, so that a broken line costs the broken part only; where the client may not
        stage, it is one PUT all the same, and an iterator then has one attempt.

        Raises PreconditionFailed, Conflict, TooLarge, DigestMismatch, CheckRefused, Erased,
        NoSpace, Unreachable, and what else the server answers; TypeError for what holds no bytes;
        ValueError naming the argument that no header can carry.
        """
        wish = _Wish(
            collection,
            key,
            about(media_type, filename, data_subject, custom),
            conditions(if_match, if_none_match),
            on_behalf_of,
            progress or (lambda _progress: None),
        )
        source: Source | Once = yield Work(lambda: source_of(data))
        if isinstance(source, Once):
            source = yield from _gather(source)
        if isinstance(source, Source) and source.length < STAGED_FROM:
            return (yield from self._put(wish, source))
        try:
            upload = yield from self.stage(
                collection,
                key,
                size=source.length if isinstance(source, Source) else None,
                media_type=media_type,
                filename=filename,
                data_subject=data_subject,
                custom=custom,
                on_behalf_of=on_behalf_of,
            )
        except NotFound:
            if isinstance(source, Source):
                return (yield from self._put(wish, source))
            return (yield from self._put_once(wish, source))
        return (yield from self._put_staged(wish, upload, source))

    def delete(
        self,
        collection: str,
        key: str,
        *,
        if_match: Tags | None = None,
        on_behalf_of: str | None = None,
    ) -> Op[None]:
        """Put a delete marker as the next version; earlier versions stay readable. Raises NotFound,
        Deleted where it is deleted already, PreconditionFailed, and what else the server answers.
        """
        headers = {**conditions(if_match, None), **self.for_whom(on_behalf_of)}
        path = content_path(collection, key)
        try:
            yield from self.ask(Call("DELETE", "content", path, headers=headers))
        except Deleted as error:
            if not error.answer_lost:
                raise

    def _put(self, wish: "_Wish", source: Source) -> Op[Stored]:
        digest: str = yield Work(lambda: source.fill(Tally()))
        headers = {**wish.headers, "repr-digest": field_of(bytes.fromhex(digest))}
        body: Body | bytes = Rest(source, 0, Tally())
        if isinstance(source, Held) and source.length <= PIECE:
            body = source.data
        call = self._call(wish, headers, body, source.length)
        answer: Answer = yield from self.ask(call)
        return _checked(answer, digest)

    def _put_once(self, wish: "_Wish", source: Once) -> Op[Stored]:
        """Bytes that cannot be read again: whatever happens on the way, it is not repeated."""
        tally = Tally()
        body = Passing(source.taken, source.pull, tally.add)
        call = self._call(wish, wish.headers, body, None, once=True)
        answer: Answer = yield from self.ask(call)
        return _checked(answer, tally.hexdigest())

    def _put_staged(self, wish: "_Wish", upload: Staged, source: Source | Once) -> Op[Stored]:
        try:
            yield from upload.send_source(source, wish.told)
            return (yield from upload.commit_if(wish.conditions, on_behalf_of=wish.on_behalf_of))
        except Unreachable:
            raise  # nobody can be told; it expires
        except ClientError:
            yield from upload.discard()
            raise

    def _call(
        self,
        wish: "_Wish",
        headers: Headers,
        body: Body | Passing | bytes,
        length: int | None,
        *,
        once: bool = False,
    ) -> Call:
        return Call(
            "PUT",
            "content",
            content_path(wish.collection, wish.key),
            headers={**headers, **wish.conditions, **self.for_whom(wish.on_behalf_of)},
            body=body,
            told=lambda done: wish.told(Progress(done, length)),
            once=once,
        )


@dataclass(frozen=True, slots=True)
class _Wish:
    collection: str
    key: str
    headers: Headers
    conditions: Headers
    on_behalf_of: str | None
    told: Told


def _gather(source: Once) -> Op[Source | Once]:
    """A short iterator as bytes in memory; a longer one as it was, with what was taken put back."""
    taken: list[bytes] = []
    size = 0
    while size < GATHERED:
        piece = yield Pull(source.pull)
        if piece is None:
            return Held(b"".join(taken))
        taken.append(piece)
        size += len(piece)
    return Once(source.pull, tuple(taken))


def _checked(answer: Answer, digest: str) -> Stored:
    """Raises DigestMismatch unless the server names the digest of what was sent."""
    stored = stored_of(json.loads(answer.body), created=answer.status == 201)
    if stored.sha256 != digest:
        raise DigestMismatch(
            f"{stored.key}: version {stored.version} has the SHA-256 {stored.sha256}, and what was "
            f"sent has {digest}; store it again"
        )
    return stored
