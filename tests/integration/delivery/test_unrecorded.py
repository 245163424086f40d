"""Accesses that cannot be recorded. The promise: with a second journal directory nobody notices;
without one nothing is served, no byte and no 201, until the disk is back.
"""

import errno
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from contentserver import runtime
from contentserver.conf import Config
from contentserver.delivery.app import DataPlane
from contentserver.delivery.asgi import data_plane
from skold.journal import Journal
from tests.support.disks import FaultyDisk
from tests.support.plane import Home, replaced_environment
from tests.support.records import records
from tests.support.tus import OFFSET_TYPE, metadata

SECRET = b"a secret body" * 100
PATIENCE = 0.3


class Plane:
    """A data plane in this process, whose first journal directory can be made to fail."""

    def __init__(self, home: Home, served: DataPlane, disk: FaultyDisk) -> None:
        self.home, self.disk = home, disk
        self._served = served
        self._transport = httpx.ASGITransport(app=served, client=("127.0.0.1", 1))

    def http(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {key or self.home.api_key}"}
        return httpx.AsyncClient(
            transport=self._transport, base_url="http://plane", headers=headers, timeout=20
        )

    async def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        async with self.http() as client:
            return await client.request(method, path, **given)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    @asynccontextmanager
    async def start(directories: int) -> AsyncIterator[Plane]:
        folders = [tmp_path / f"journal-{number}" for number in range(directories)]
        home = Home(
            tmp_path / "home", SKOLD_JOURNAL_DIRS=",".join(str(folder) for folder in folders)
        )
        disk = FaultyDisk(folders[0])

        def open_journal(config: Config) -> Journal:
            return Journal(config.journal_dirs, config.node, disk=disk, patience=PATIENCE)

        monkeypatch.setattr(runtime, "open_journal", open_journal)
        with replaced_environment(home.environment):
            async with data_plane(home.config) as served:
                plane = Plane(home, served, disk)
                try:
                    stored = await plane.ask("PUT", "/v1/content/photos/a.jpg", content=SECRET)
                    assert stored.status_code == 201
                    yield plane
                finally:
                    disk.recover()

    return start


def break_down(disk: FaultyDisk, how: str) -> None:
    if how == "hanging":
        disk.hang()
    else:
        disk.fail = disk.full = {"full": errno.ENOSPC, "failing": errno.EIO}[how]


REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/v1/content/photos/a.jpg", {}),
    ("GET", "/v1/content/photos/a.jpg", {"headers": {"Range": "bytes=0-5"}}),
    ("HEAD", "/v1/content/photos/a.jpg", {}),
    ("PUT", "/v1/content/photos/new.jpg", {"content": b"new"}),
    ("DELETE", "/v1/content/photos/a.jpg", {}),
    ("GET", "/v1/versions/photos/a.jpg", {}),
    ("POST", "/v1/heads", {"json": {"collection": "photos", "keys": ["a.jpg"]}}),
    ("GET", "/v1/content/photos/absent.jpg", {}),
]


@pytest.mark.parametrize("how", ["full", "failing", "hanging"])
async def test_with_one_directory_nothing_is_served_until_the_disk_is_back(
    started: Any, how: str
) -> None:
    async with started(1) as plane:
        break_down(plane.disk, how)
        for method, path, given in REQUESTS:
            began = time.monotonic()
            answer = await plane.ask(method, path, **given)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2"), (method, path)
            assert b"secret" not in answer.content
            assert "etag" not in answer.headers
            assert "x-version" not in answer.headers
            assert time.monotonic() - began < 10
        assert (await plane.ask("GET", "/readyz")).status_code == 503
        plane.disk.recover()
        deadline = time.monotonic() + 10
        while (again := await plane.ask("GET", "/v1/content/photos/a.jpg")).status_code == 503:
            assert time.monotonic() < deadline
        assert again.content == SECRET
        assert (await plane.ask("GET", "/v1/content/photos/new.jpg")).status_code == 404


@pytest.mark.parametrize("how", ["full", "failing", "hanging"])
async def test_meanwhile_an_upload_is_told_to_wait_and_moves_nowhere(
    started: Any, how: str
) -> None:
    """A tus client forgets the upload at any other failure of HEAD."""
    tus = {"Tus-Resumable": "1.0.0"}
    part = {**tus, "Upload-Offset": "0", "Content-Type": OFFSET_TYPE}
    create = {
        **tus,
        "Upload-Length": "3",
        "Upload-Metadata": metadata(collection="photos", key="u"),
    }
    async with started(1) as plane:
        made = await plane.ask("POST", "/v1/uploads", headers=create)
        path = urlsplit(made.headers["location"]).path
        break_down(plane.disk, how)
        head = await plane.ask("HEAD", path, headers=tus)
        assert (head.status_code, head.headers["retry-after"]) == (423, "1")
        assert "upload-offset" not in head.headers
        for asked in (
            ("PATCH", path, {"headers": part, "content": b"abc"}),
            ("POST", f"{path}/commit", {}),
            ("DELETE", path, {"headers": tus}),
            ("POST", "/v1/uploads", {"headers": create}),
        ):
            assert (await plane.ask(*asked[:2], **asked[2])).status_code == 503
        plane.disk.recover()
        deadline = time.monotonic() + 10
        while (head := await plane.ask("HEAD", path, headers=tus)).status_code == 423:
            assert time.monotonic() < deadline
        assert head.status_code == 200
        assert (await plane.ask("GET", "/v1/content/photos/u")).status_code == 404


@pytest.mark.parametrize("how", ["full", "failing", "hanging"])
async def test_with_a_second_directory_nobody_notices(started: Any, how: str) -> None:
    async with started(2) as plane:
        break_down(plane.disk, how)
        answers = [await plane.ask(*asked[:2], **asked[2]) for asked in REQUESTS]
        assert [answer.status_code for answer in answers] == [
            *(200, 206, 200, 201, 204, 200, 200, 404)
        ]
        ids = {answer.headers["x-request-id"] for answer in answers}
        plane.disk.recover()
    found = records(plane.home)
    assert ids <= {each["id"] for each in found if each["kind"] == "req"}
