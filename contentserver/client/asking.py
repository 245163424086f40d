"""One request and what becomes of it: where it goes, who asks, whether it is sent again."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contentserver.client import retry
from contentserver.client.addresses import Addresses
from contentserver.client.errors import ClientError, PreconditionFailed, Unreachable, error_of
from contentserver.client.paths import Parameters, query_of
from contentserver.client.signing import UrlKey
from contentserver.client.steps import (
    Answer,
    Body,
    Broken,
    Op,
    Passing,
    Request,
    Send,
    Wait,
    Work,
)

Headers = dict[str, str | bytes]
MAYBE_DONE = "an earlier attempt whose answer was lost may have done it"


@dataclass(frozen=True, slots=True)
class Config:
    """How a client was made; Client documents the fields. Secrets stand in no repr."""

    addresses: Addresses
    api_key: str | None = field(default=None, repr=False)
    token: str | Callable[[], str] | None = field(default=None, repr=False)
    url_key: UrlKey | None = field(default=None, repr=False)
    on_behalf_of: str | None = None
    retries: int = 5
    chance: Callable[[], float] = random.random
    clock: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Call:
    """A request before its address is chosen. `route` finds its row in the table of retries.
    `url`: exactly this address, without our credential, because it carries one.
    """

    method: str
    route: str
    path: str
    parameters: Parameters = ()
    headers: Mapping[str, str | bytes] = field(default_factory=dict)
    body: Body | Passing | bytes | None = None
    told: Callable[[int], object] | None = None
    once: bool = False  # the body cannot be read a second time
    stream: bool = False
    url: str | None = None

    @property
    def rule(self) -> retry.Rule:
        return retry.RULES[self.method, self.route]


class Asking:
    """What every operation is made of."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def patience(self) -> retry.Patience:
        return retry.Patience(self.config.retries, self.config.chance)

    def ask(self, call: Call) -> Op[Answer]:
        """The answer, of a status below 400. Raises the error that the server, or the line, left
        when no attempt is left or another would not be safe.
        """
        patience, lost = self.patience(), False
        while True:
            failure = None
            for address in self._places(call):
                try:
                    return (yield from self._attempt(call, address))
                except ClientError as error:
                    failure = self._judged(call, error, address, lost=lost)
                    lost = failure.answer_lost
                if not _may_help_elsewhere(failure):
                    break
            assert failure is not None
            if not _may_repeat(call, failure):
                raise failure
            yield Wait(patience.pause(failure))

    def for_whom(self, on_behalf_of: str | None) -> Headers:
        """The header that names the end user, if there is one."""
        name = on_behalf_of or self.config.on_behalf_of
        return {} if name is None else {"on-behalf-of": name.encode()}

    def _places(self, call: Call) -> list[str]:
        if call.url is not None:
            return [""]
        return self.config.addresses.order(elsewhere=call.rule.elsewhere)

    def _attempt(self, call: Call, address: str) -> Op[Answer]:
        request = yield from self._request(call, address)
        try:
            answer: Answer = yield Send(request, stream=call.stream)
        except Broken as broken:
            error = Unreachable(f"{call.method} {address}{call.path}: {broken}")
            error.answer_lost = broken.sent
            raise error from broken
        if answer.status >= 400:
            raise error_of(answer.status, answer.headers, answer.body)
        self.config.addresses.worked(address)
        return answer

    def _request(self, call: Call, address: str) -> Op[Request]:
        url = call.url or f"{address}{call.path}{query_of(call.parameters)}"
        headers: Headers = {"accept-encoding": "identity", **call.headers}
        if call.url is None:
            headers |= yield from self._credential()
        return Request(call.method, url, headers, call.body, call.told)

    def _credential(self) -> Op[Headers]:
        secret: Any = self.config.api_key or self.config.token
        if callable(secret):
            secret = yield Work(secret)
        return {} if secret is None else {"authorization": f"Bearer {secret}"}

    def _judged(self, call: Call, error: ClientError, address: str, *, lost: bool) -> ClientError:
        """Notes what the error says of the address, and of the attempts before."""
        if _may_help_elsewhere(error):
            if error.type not in retry.OF_THE_FILE:
                self.config.addresses.failed(address)
        elif call.url is None:
            self.config.addresses.worked(address)
        error.answer_lost = error.answer_lost or lost
        if lost and isinstance(error, PreconditionFailed):
            error.detail = f"{error.detail}; {MAYBE_DONE}" if error.detail else MAYBE_DONE
        return error


def _may_help_elsewhere(failure: ClientError) -> bool:
    return isinstance(failure, Unreachable) or failure.status in retry.ELSEWHERE


def _may_repeat(call: Call, failure: ClientError) -> bool:
    if isinstance(failure, Unreachable) and not failure.answer_lost:
        return True  # no connection came about: nothing was read of the body either
    passing = isinstance(failure, Unreachable) or failure.status in retry.PASSING
    return passing and call.rule.repeat and not call.once
