"""Operations of the client without a server: a script says what each request is answered with."""

import json
from typing import Any

from contentserver.client.addresses import Addresses
from contentserver.client.asking import Config
from contentserver.client.core import Core
from contentserver.client.errors import TYPE_BASE
from contentserver.client.signing import UrlKey
from contentserver.client.steps import (
    Answer,
    Broken,
    Drop,
    Emit,
    Next,
    Pull,
    Request,
    Send,
    Wait,
    Work,
)

Reply = Answer | Broken


def answer(status: int, body: Any = b"", **headers: str) -> Answer:
    """Header names with underscores; a body that is no bytes becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, raw)


def problem(status: int, slug: str, **headers: str) -> Answer:
    """An error as the server sends it."""
    body = {"type": TYPE_BASE + slug, "title": slug, "status": status, "detail": f"why {slug}"}
    return answer(status, body, content_type="application/problem+json", **headers)


class Script:
    """Answers requests in turn; keeps what was `asked` and how long it `waited`."""

    def __init__(self, *replies: Reply, second: str | None = None, retries: int = 5) -> None:
        self.replies = list(replies)
        self.asked: list[Request] = []
        self.bodies: list[bytes] = []
        self.waited: list[float] = []
        self.now = 1000.0
        addresses = Addresses("http://first", second, lambda: self.now)
        self.core = Core(
            Config(
                addresses,
                api_key="skd_key",
                url_key=UrlKey("k1", b"secret"),
                retries=retries,
                chance=lambda: 0.5,
                clock=lambda: self.now,
            )
        )

    def run(self, operation: Any) -> Any:
        """The operation's result; a flow's items."""
        given: Any = None
        failure: Exception | None = None
        items = []
        try:
            while True:
                step = operation.throw(failure) if failure else operation.send(given)
                given, failure = None, None
                if isinstance(step, Emit):
                    items.append(step.item)
                    continue
                try:
                    given = self._do(step)
                except Exception as error:  # noqa: BLE001 - the operation decides
                    failure = error
        except StopIteration as ended:
            return items or ended.value

    def lines(self) -> list[str]:
        """What was asked, as `GET http://…`."""
        return [f"{request.method} {request.url}" for request in self.asked]

    def _do(self, step: Any) -> Any:
        match step:
            case Send(request, stream):
                return self._answer(request, stream=stream)
            case Next(reply):
                found = reply.stream.pop(0) if reply.stream else b""
                if isinstance(found, Broken):
                    raise found
                return found
            case Drop():
                return None
            case Pull(source):
                return next(source, None)
            case Wait(seconds):
                self.waited.append(seconds)
                self.now += seconds
                return None
            case Work(call):
                return call()
        raise AssertionError(step)

    def _answer(self, request: Request, *, stream: bool) -> Answer:
        self.asked.append(request)
        self.bodies.append(_bytes_of(request.body))
        reply = self.replies.pop(0)
        if isinstance(reply, Broken):
            raise reply
        if stream and reply.status < 400 and reply.stream is None:
            reply.stream = [reply.body] if reply.body else []
        return reply


def streamed(status: int, *pieces: bytes | Broken, **headers: str) -> Answer:
    """An answer whose body comes in pieces, or breaks."""
    reply = answer(status, **headers)
    reply.stream = list(pieces)
    return reply


def _bytes_of(body: Any) -> bytes:
    if body is None or isinstance(body, bytes):
        return body or b""
    return b"".join(body.pieces())
