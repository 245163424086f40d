"""A data plane behind a line, both of which break again and again while somebody uploads."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import httpx

from tests.support.cutting_proxy import CuttingProxy
from tests.support.plane import DataPlane
from tests.support.records import records, until

_PIECE = 1 << 20


class Interruptions:
    """Breaks an upload of `size` bytes `times` on its way, evenly: first and then each `kill_each`
    time the server is killed and started again, else the line is cut. Once more the server is
    killed with its last answer on the line: it has done everything, and nobody was told.
    """

    def __init__(
        self, plane: DataPlane, proxy: CuttingProxy, size: int, *, times: int, kill_each: int
    ) -> None:
        self.plane = plane
        self.proxy = proxy
        self.kills = 0
        self.cuts = 0
        already = proxy.sent
        for number in range(1, times + 1):
            action = self._kill if number % kill_each == 1 else self._cut
            proxy.after(already + size * number // (times + 1), action)
        proxy.swallow(b"\r\nupload-offset: %d\r\n" % size, self._kill)

    def _kill(self) -> None:
        self.plane.kill()
        self.plane.start()
        self.kills += 1

    def _cut(self) -> None:
        self.proxy.cut()
        self.cuts += 1


def write_file(path: Path, size: int) -> str:
    """Random bytes. Returns their SHA-256 in hex."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, _PIECE):
            piece = os.urandom(min(_PIECE, size - start))
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def digest_of(http: httpx.Client, collection: str, key: str) -> str:
    """The SHA-256, in hex, of what a reader gets."""
    digest = hashlib.sha256()
    with http.stream("GET", f"/v1/content/{collection}/{key}") as answer:
        assert answer.status_code == 200, answer.read()
        for piece in answer.iter_bytes(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def assert_recorded_once(plane: DataPlane, answered: Iterable[str], broken_off: int) -> None:
    """Each request has one `req` and one `done`; at most `broken_off`, under way when the server
    was killed, have no `done`. Those that were answered, by their X-Request-Id, have both.
    """
    answered = list(answered)
    assert len(set(answered)) == len(answered)

    def is_complete() -> bool:
        asked, done = _requests(plane)
        return all(asked[each] == done[each] == 1 for each in answered)

    assert until(is_complete, 10.0), _difference(plane, answered)
    time.sleep(0.2)
    asked, done = _requests(plane)
    assert set(asked.values()) == {1}
    assert set(done.values()) <= {1}
    assert not set(done) - set(asked)
    assert len(set(asked) - set(done)) <= broken_off, set(asked) - set(done)


def _requests(plane: DataPlane) -> tuple[Counter[str], Counter[str]]:
    """How many `req` and `done` records each request has, by its id."""
    found = records(plane)
    ids = {(each["writer"], each["n"]): each["id"] for each in found if each["kind"] == "req"}
    done = [each for each in found if each["kind"] == "done"]
    return Counter(ids.values()), Counter(ids[each["writer"], each["ref"]] for each in done)


def _difference(plane: DataPlane, answered: list[str]) -> str:
    asked, done = _requests(plane)
    wrong = {
        each: (asked[each], done[each]) for each in answered if (asked[each], done[each]) != (1, 1)
    }
    return f"records (req, done) of answered requests: {wrong}"
