"""Five hundred uploads under way at once: memory stays flat, and nothing of what they carry can be
read on any disk, neither while they last nor after the server was killed nor once they are stored.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

from benchmarks import processes
from tests.integration.load.upload_crowd import Crowd
from tests.support.plaintext import Search
from tests.support.plane import DataPlane

pytestmark = [pytest.mark.xdist_group("production"), pytest.mark.timeout(180)]
MIB = 1 << 20
UPLOADS = 500
T = TypeVar("T")
ALLOWED = 180 * MIB
"""Growth of the process, however much has arrived: a third of a MiB for each upload, of which the
segment that it is in the middle of is the most.
"""


@pytest.fixture
def marker() -> bytes:
    return secrets.token_bytes(48)


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def plane(start_data_plane: Callable[..., DataPlane], temporary: Path) -> DataPlane:
    return start_data_plane(TMPDIR=str(temporary), CONTENTSERVER_BODY_IDLE="150")


async def test_five_hundred_uploads_at_once_leave_memory_flat_and_no_plaintext_on_any_disk(
    plane: DataPlane, temporary: Path, marker: bytes
) -> None:
    await upload_and_look(plane, temporary, Crowd(plane, marker, 400_000, 300_000), marker)


@pytest.mark.slow
async def test_five_hundred_longer_uploads_take_no_more_memory(
    plane: DataPlane, temporary: Path, marker: bytes
) -> None:
    await upload_and_look(plane, temporary, Crowd(plane, marker, 2_500_000, 2_000_000), marker)


async def upload_and_look(plane: DataPlane, temporary: Path, crowd: Crowd, marker: bytes) -> None:
    """While they are under way, after kill -9, and once all are stored."""
    search = Search(plane, temporary, marker)
    await crowd.finish(await crowd.create(UPLOADS))
    before = _resident(plane)

    paths = await _all(crowd.create(number) for number in range(UPLOADS))
    await _all(crowd.begin(path) for path in paths)
    staged = await _until_still(plane)
    during = _resident(plane)
    assert staged >= UPLOADS * crowd.sent // 4, "the uploads are not under way"
    assert await asyncio.to_thread(search.found) == []

    plane.kill()
    crowd.close()
    assert await asyncio.to_thread(search.found) == []

    plane.start()
    offsets = await _all(crowd.offset(path) for path in paths)
    restarted = _resident(plane)
    await _all(crowd.finish(path) for path in paths)
    after = _resident(plane)
    assert await asyncio.to_thread(search.found) == []

    print(
        f"\n{UPLOADS} uploads, {staged / MIB:.0f} MiB of them staged: resident "
        f"{before / MIB:.0f} MiB before, {during / MIB:.0f} during; after kill -9 and restart "
        f"offsets {min(offsets)} to {max(offsets)}, {restarted / MIB:.0f} MiB, "
        f"{after / MIB:.0f} once all are stored"
    )
    assert during - before < ALLOWED
    assert after - restarted < ALLOWED
    assert sum(offsets) > staged // 2, "what had been staged is lost"
    for number in (0, UPLOADS // 2, UPLOADS - 1):
        stored = plane.http.get(f"/v1/content/photos/crowd/{number}").content
        assert hashlib.sha256(stored).digest() == hashlib.sha256(crowd.content).digest()


def test_the_search_finds_what_lies_in_each_of_these_places(
    plane: DataPlane, temporary: Path, marker: bytes
) -> None:
    search = Search(plane, temporary, marker)
    assert search.found() == []
    with ExitStack() as left:
        for path in (
            plane.folder / "root-1" / "staging" / "left",
            temporary / "left",
            Path("/dev/shm") / f"left-{marker.hex()[:12]}",
        ):
            left.callback(path.unlink)
            path.write_bytes(os.urandom(100_000) + marker)
            assert path in search.found()
        with plane.log.open("a") as log:
            log.write(marker.hex())
        assert plane.log in search.found()
        nameless = left.enter_context((temporary / "nameless").open("w+b"))
        (temporary / "nameless").unlink()
        nameless.write(marker)
        nameless.flush()
        assert Path(f"/proc/{os.getpid()}/fd/{nameless.fileno()}") in search.found(os.getpid())


async def _all(many: Iterable[Awaitable[T]]) -> list[T]:
    """Fifty at a time: this is about what is under way, not about a burst."""
    gate = asyncio.Semaphore(50)

    async def one(each: Awaitable[T]) -> T:
        async with gate:
            return await each

    return await asyncio.gather(*map(one, many))


async def _until_still(plane: DataPlane) -> int:
    """Bytes in staging, once no more come."""
    staging, before = plane.folder / "root-1" / "staging", -1
    while True:
        size = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
        if size == before:
            return size
        before = size
        await asyncio.sleep(0.5)


def _resident(plane: DataPlane) -> int:
    assert plane.process is not None
    return sum(each.memory_info().rss for each in processes.tree(plane.process.pid))
