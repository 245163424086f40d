"""Store and read back through HTTP, as any client would: httpx, some requests at a time."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx

from tests.acceptance.library import Source

AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Stored:
    """What was sent for a key, and what the server said of it."""

    size: int
    sha256: bytes
    version: str


@dataclass(slots=True)
class Exchange:
    """The requests of one client. `wrong` lists every answer that was not the right one."""

    url: str
    collection: str
    headers: dict[str, str]
    requests: int = 0
    stored: dict[str, Stored] = field(default_factory=dict)
    read_back: int = 0
    changed: int = 0
    """Files that changed on disk between the two passes; they were compared by digest instead."""
    wrong: list[str] = field(default_factory=list)

    async def store(self, sources: Sequence[Source], step: Callable[[], None]) -> None:
        """PUT every file; afterwards `stored` has an entry for each that was taken."""
        await self._each(sources, self._put, step)

    async def read(self, sources: Sequence[Source], step: Callable[[], None]) -> None:
        """GET every file that was stored, and compare it byte for byte with the disk."""
        known = [source for source in sources if source.key in self.stored]
        await self._each(known, self._get, step)

    async def _each(
        self,
        sources: Sequence[Source],
        request: Callable[[httpx.AsyncClient, Source], Awaitable[None]],
        step: Callable[[], None],
    ) -> None:
        waiting = iter(sources)
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        async with httpx.AsyncClient(
            base_url=f"{self.url}/v1/content/{self.collection}/",
            headers=self.headers,
            timeout=120.0,
            limits=limits,
            trust_env=False,
        ) as client:

            async def work() -> None:
                for source in waiting:
                    self.requests += 1
                    try:
                        await request(client, source)
                    except httpx.HTTPError as error:
                        self.wrong.append(f"{source.key}: {type(error).__name__}: {error}")
                    step()

            await asyncio.gather(*(work() for _ in range(AT_ONCE)))

    async def _put(self, client: httpx.AsyncClient, source: Source) -> None:
        content = source.path.read_bytes()
        answer = await client.put(
            source.address, content=content, headers={"Content-Type": source.media_type}
        )
        if answer.status_code != 201:
            self.wrong.append(f"{source.key}: PUT {answer.status_code}: {answer.text[:300]}")
            return
        digest = hashlib.sha256(content).digest()
        self.stored[source.key] = Stored(len(content), digest, answer.headers["X-Version"])

    async def _get(self, client: httpx.AsyncClient, source: Source) -> None:
        answer = await client.get(source.address, headers={"Accept-Encoding": "identity"})
        stored = self.stored[source.key]
        if answer.status_code != 200:
            self.wrong.append(f"{source.key}: GET {answer.status_code}: {answer.text[:300]}")
        elif answer.headers["X-Version"] != stored.version:
            self.wrong.append(f"{source.key}: another version: {answer.headers['X-Version']}")
        elif not self._is_same(answer.content, source, stored):
            self.wrong.append(f"{source.key}: the bytes read back differ")
        else:
            self.read_back += 1

    def _is_same(self, content: bytes, source: Source, stored: Stored) -> bool:
        if content == source.path.read_bytes():
            return True
        # A .pyc that Python wrote anew meanwhile: what counts is what was sent.
        self.changed += 1
        return hashlib.sha256(content).digest() == stored.sha256
