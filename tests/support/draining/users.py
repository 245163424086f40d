"""People who look at files, pause, and look at the next: each on a connection of its own.

    python -m tests.support.draining.users LEDGER RECORDS PORT USERS PAUSE FILE

`PAUSE` is what a user waits between two files, in seconds on average. Requests come as JSON on
stdin: [path, SHA-256] each; the API key by the environment. What came goes to FILE as JSON, once
the ledger says that nothing is to be read any more.
"""

import asyncio
import hashlib
import json
import os
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field

from tests.support.draining.ledger import Ledger
from tests.support.draining.readers import API_KEY

PATIENCE = 30.0


@dataclass
class Seen:
    """Latencies in milliseconds; `errors` by what was wrong."""

    requests: int = 0
    answers: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    latencies: list[int] = field(default_factory=list)

    def percentile(self, share: float) -> int:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


class User:
    """One, who comes back on a new connection should this one end."""

    def __init__(self, ledger: Ledger, port: int, files: list[list[str]], seen: Seen) -> None:
        self._ledger, self._port, self._files, self._seen = ledger, port, files, seen
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, pause: float) -> None:
        # Nobody begins at the same moment as all the others.
        await asyncio.sleep(random.uniform(0, pause))
        while self._ledger.is_read:
            await self._look(*random.choice(self._files))
            await asyncio.sleep(random.uniform(0, 2 * pause))

    async def _look(self, path: str, sha256: str) -> None:
        self._seen.requests += 1
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                status, body = await self._ask(path)
        except (OSError, EOFError, TimeoutError) as error:
            self._streams = None
            self._seen.errors[type(error).__name__] += 1
            return
        self._seen.answers += 1
        self._seen.latencies.append(round((time.monotonic() - began) * 1000))
        if status != 200:
            self._seen.errors[f"{status} {body[:200]!r}"] += 1
        elif hashlib.sha256(body).hexdigest() != sha256:
            self._seen.errors["wrong bytes"] += 1

    async def _ask(self, path: str) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {os.environ[API_KEY]}\r\n\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            writer.close()
            self._streams = None
        return int(head[0].split()[1]), body


async def main(  # noqa: PLR0917 - the command line
    path: str, records: str, port: str, users: str, pause: str, file: str
) -> None:
    ledger, files, seen = Ledger.of(path, records), json.load(sys.stdin), Seen()
    crowd = [User(ledger, int(port), files, seen) for _ in range(int(users))]
    await asyncio.gather(*(user.run(float(pause)) for user in crowd))
    with open(file, "w", encoding="utf-8") as out:
        json.dump(asdict(seen), out)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
