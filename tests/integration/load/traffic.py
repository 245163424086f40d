"""What the users of these tests do."""

import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import corpus, loader
from benchmarks.production import Production

PHOTO = 64 * 1024


@dataclass(frozen=True, slots=True)
class Photos:
    """Photos that lie in the server, and the requests that read them with every byte checked."""

    requests: tuple[loader.Request, ...]

    def read(self, i: int) -> loader.Request:
        return self.requests[i % len(self.requests)]

    def read_mostly(self, production: Production) -> Callable[[int], loader.Request]:
        """95 % reads, 5 % uploads of new names."""
        return lambda i: upload(production, f"new/{i}") if i % 20 == 7 else self.read(i)


def upload(production: Production, key: str, size: int = PHOTO) -> loader.Request:
    """PUT a file of bytes never seen before."""
    headers = production.headers | {"Content-Type": "image/jpeg"}
    head = loader.head("PUT", production.path(key), headers, size)
    return loader.Request(head, (os.urandom(size),), frozenset({201}))


async def store_photos(production: Production, count: int) -> Photos:
    """Upload `count` photos; every one must be taken."""
    requests = []
    folder = f"photos-{secrets.token_hex(4)}"
    files = [corpus.content(number, PHOTO) for number in range(count)]

    def make(i: int) -> loader.Request:
        path = production.path(f"{folder}/{i}.jpg")
        digest = hashlib.sha256(files[i]).hexdigest()
        requests.append(
            loader.Request(
                loader.head("GET", path, production.headers), (), length=PHOTO, sha256=digest
            )
        )
        headers = production.headers | {"Content-Type": "image/jpeg"}
        head = loader.head("PUT", path, headers, PHOTO)
        return loader.Request(head, (files[i],), frozenset({201}))

    outcome = await loader.run(loader.Load("127.0.0.1", production.port, make, 8, count=count))
    assert outcome.errors == {}
    return Photos(tuple(requests))
