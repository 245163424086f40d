"""No byte of a file lies readable on any disk: not in staging, not in a temporary file, not in the
database, the journal or a log; nor does a secret.
"""

import os
import secrets
import socket
import time

import httpx
import pytest

from benchmarks import loader, processes
from benchmarks.production import Production
from tests.support.plaintext import iter_files_with, iter_open_files_with

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(180)]
SIZE = 16_000_000


@pytest.fixture
def marker() -> bytes:
    """Bytes that stand in the content and nowhere else in the world."""
    return b"plaintext-" + secrets.token_hex(16).encode()


def test_a_known_plaintext_is_nowhere_on_disk(production: Production, marker: bytes) -> None:
    began, mark = time.time(), production.database_time()
    content = (marker + os.urandom(500)) * (SIZE // 542)
    url, headers = production.url + production.path("marked.bin"), production.headers
    assert httpx.put(url, content=content, headers=headers, trust_env=False).status_code == 201
    with HalfUploaded(production, content) as staged:
        assert staged > 0
        assert httpx.get(url, headers=headers, trust_env=False).content == content
        part = httpx.get(url, headers=headers | {"Range": "bytes=100-200000"}, trust_env=False)
        assert part.content == content[100:200_001]
        production.wait(lambda: production.records(mark).done >= 3, 30, "all in the audit")
        assert list(iter_files_with(marker, production.folder, began)) == []
        assert list(iter_open_files_with(marker, _pids(production))) == []
    time.sleep(0.5)
    assert list(iter_files_with(marker, production.folder, began)) == []


def test_the_search_would_find_it(production: Production, marker: bytes) -> None:
    left = production.temporary / "left behind"
    left.write_bytes(os.urandom(3_000_000) + marker)
    assert list(iter_files_with(marker, production.folder)) == [left]
    left.unlink()


def test_an_api_key_stands_in_the_file_made_for_its_owner_and_nowhere_else(
    production: Production,
) -> None:
    mark = production.database_time()
    url = production.url + production.path("a.txt")
    for key in (production.api_key, production.api_key + "x"):
        httpx.get(url, headers={"Authorization": f"Bearer {key}"}, trust_env=False)
    production.wait_for_records(2, mark)
    found = iter_files_with(production.api_key.encode(), production.folder)
    assert [path.name for path in found] == ["demo.json.new"]


class HalfUploaded:
    """An upload of which half has been sent and lies in staging; broken off at the end."""

    def __init__(self, production: Production, content: bytes) -> None:
        self.production = production
        self.content = content

    def __enter__(self) -> int:
        """Bytes in staging."""
        path = self.production.path("half.bin")
        head = loader.head("PUT", path, self.production.headers, len(self.content))
        self.connection = socket.create_connection(("127.0.0.1", self.production.port))
        self.connection.sendall(head + self.content[: len(self.content) // 2])
        staging = self.production.home / "root-1" / "staging"
        for _ in range(100):
            size = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
            if size > len(self.content) // 4:
                break
            time.sleep(0.05)
        return size

    def __exit__(self, *_error: object) -> None:
        self.connection.close()


def _pids(production: Production) -> list[int]:
    assert production.web is not None
    return [process.pid for process in processes.tree(production.web.pid)]
