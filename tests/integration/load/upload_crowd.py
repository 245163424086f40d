"""Uploads of one data plane, each over connections of its own, as many as one likes at once."""

import asyncio
import os
from base64 import b64encode
from dataclasses import dataclass

from tests.support.plane import DataPlane


class Crowd:
    """Uploads that all carry `content`, `size` bytes in which the marker stands again and again. Of
    each only `sent` bytes are sent until it is finished.
    """

    def __init__(self, plane: DataPlane, marker: bytes, size: int, sent: int) -> None:
        self.plane = plane
        self.size = size
        self.sent = sent
        piece = marker + os.urandom(200)
        self.content = (piece * (size // len(piece) + 1))[:size]
        self._waiting: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def create(self, number: int) -> str:
        """The path of a new upload that commits itself."""
        told = {"collection": "photos", "key": f"crowd/{number}", "commit": "auto"}
        metadata = ",".join(
            f"{name} {b64encode(to.encode()).decode()}" for name, to in told.items()
        )
        answer = await self._ask(
            f"POST /v1/uploads HTTP/1.1\r\nUpload-Length: {self.size}\r\n"
            f"Upload-Metadata: {metadata}\r\nContent-Length: 0\r\n"
        )
        assert answer.status == 201, answer
        return answer.headers["location"].removeprefix(self.plane.url)

    async def begin(self, path: str) -> None:
        """Send what is sent of it for now; the connection stays as it is."""
        reader, writer = await self._connect()
        writer.write(self._head(_patch(path, 0, self.size)) + self.content[: self.sent])
        await writer.drain()
        self._waiting.append((reader, writer))  # a reader nobody holds would close it

    async def offset(self, path: str) -> int:
        answer = await self._ask(f"HEAD {path} HTTP/1.1\r\n")
        assert answer.status == 200, answer
        return int(answer.headers["upload-offset"])

    async def finish(self, path: str) -> None:
        """Send the rest, which commits."""
        start = await self.offset(path)
        answer = await self._ask(_patch(path, start, self.size - start), self.content[start:])
        assert answer.status == 204, answer
        assert answer.headers["upload-offset"] == str(self.size)
        assert "x-version" in answer.headers

    def close(self) -> None:
        """Break off what was begun."""
        for _, writer in self._waiting:
            writer.transport.abort()
        self._waiting.clear()

    async def _ask(self, head: str, body: bytes = b"") -> "Answer":
        reader, writer = await self._connect()
        writer.write(self._head(head + "Connection: close\r\n") + body)
        raw = await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()
        lines = raw.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        return Answer(int(lines[0].split()[1]), headers)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.plane.config.port)

    def _head(self, head: str) -> bytes:
        return (
            f"{head}Host: 127.0.0.1\r\nTus-Resumable: 1.0.0\r\n"
            f"Authorization: Bearer {self.plane.api_key}\r\n\r\n"
        ).encode()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]


def _patch(path: str, offset: int, length: int) -> str:
    return (
        f"PATCH {path} HTTP/1.1\r\nUpload-Offset: {offset}\r\nContent-Length: {length}\r\n"
        "Content-Type: application/offset+octet-stream\r\n"
    )
