"""A tus client of a few lines, whose every header a test can see and spoil; and one on a bare
socket, which stops in the middle.
"""

import base64
import hashlib
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.plane import DataPlane

VERSION = {"Tus-Resumable": "1.0.0"}
OFFSET_TYPE = "application/offset+octet-stream"
UNKNOWN = "/v1/uploads/00000000-0000-4000-8000-000000000000"


def metadata(**pairs: str | bytes) -> str:
    """Upload-Metadata of these pairs."""
    values = {name: v.encode() if isinstance(v, str) else v for name, v in pairs.items()}
    return ",".join(f"{name} {base64.b64encode(v).decode()}" for name, v in values.items())


def checksum(algorithm: str, data: bytes) -> str:
    """Upload-Checksum of these bytes."""
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


class Tus:
    """Requests on /v1/uploads with the headers they need; `None` leaves one of them out."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def ask(
        self, method: str, url: str, content: bytes | None = None, **headers: str | int | None
    ) -> httpx.Response:
        """Headers are named with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {**VERSION, **named}
        kept = {name: str(value) for name, value in sent.items() if value is not None}
        return self.http.request(method, url, content=content, headers=kept)

    def create(
        self,
        key: str,
        length: int | None = None,
        *,
        body: bytes | None = None,
        auto: bool = False,
        pairs: dict[str, str | bytes] | None = None,
        **headers: Any,
    ) -> httpx.Response:
        """POST; without a length it is deferred."""
        said: dict[str, str | bytes] = {"collection": "photos", "key": key, **(pairs or {})}
        said |= {"commit": "auto"} if auto else {}
        wanted: dict[str, Any] = {"Upload_Metadata": metadata(**said)}
        if length is None:
            wanted["Upload_Defer_Length"] = "1"
        else:
            wanted["Upload_Length"] = length
        if body is not None:
            wanted["Content_Type"] = OFFSET_TYPE
        return self.ask("POST", "/v1/uploads", body, **{**wanted, **headers})

    def begin(self, key: str, length: int | None = None, **more: Any) -> str:
        """The address of a new upload."""
        made = self.create(key, length, **more)
        assert made.status_code == 201, made.text
        return made.headers["location"]

    def patch(self, url: str, offset: int | None, data: bytes, **headers: Any) -> httpx.Response:
        wanted = {"Upload_Offset": offset, "Content_Type": OFFSET_TYPE}
        return self.ask("PATCH", url, data, **{**wanted, **headers})

    def head(self, url: str, **headers: Any) -> httpx.Response:
        return self.ask("HEAD", url, **headers)

    def offset(self, url: str) -> int:
        """How far the server says it is."""
        answer = self.head(url)
        assert answer.status_code == 200, answer
        return int(answer.headers["upload-offset"])

    def delete(self, url: str, **headers: Any) -> httpx.Response:
        return self.ask("DELETE", url, **headers)

    def commit(self, url: str, **headers: Any) -> httpx.Response:
        return self.ask("POST", f"{url}/commit", **{"Tus_Resumable": None, **headers})


class Line:
    """A connection over which a part of a PATCH is sent, and then nothing."""

    def __init__(
        self, plane: DataPlane, url: str, offset: int, announced: int, **headers: str
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", plane.config.port), 20)
        self._answer = self.socket.makefile("rb")
        lines = [
            f"PATCH {urlsplit(url).path} HTTP/1.1",
            "Host: x",
            f"Authorization: Bearer {plane.api_key}",
            "Tus-Resumable: 1.0.0",
            f"Upload-Offset: {offset}",
            f"Content-Type: {OFFSET_TYPE}",
            f"Content-Length: {announced}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
        ]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def status(self) -> int:
        """Of the next answer; 0 where the connection is closed without one."""
        line = self._answer.readline()
        return int(line.split()[1]) if line else 0

    def rest_of_answer(self) -> bytes:
        """What follows the status line of 100, up to the end of the next head."""
        found = b""
        while found.count(b"\r\n\r\n") < 1 or not found.strip():
            found += self._answer.readline()
        return found

    def rest(self) -> bytes:
        """All that comes until the other side closes."""
        return self._answer.read()

    def close(self) -> None:
        self._answer.close()
        self.socket.close()
