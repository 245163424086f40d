"""Uploads whose line breaks, whose server dies, or whom a newer request wants. The promise: an
offset once answered never falls, what arrived is kept, a commit happens once, and nobody waits for
an upload but those who asked for it.
"""

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import httpx
import pytest

from contentserver.store import fileops
from tests.support.past_years import store_in
from tests.support.plane import DataPlane
from tests.support.records import pairs, records
from tests.support.tus import Line, Tus, checksum

SOON = 3.0  # seconds; an older request gives way within a fraction of one


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = DataPlane(tmp_path_factory.mktemp("breaks") / "home")
    try:
        yield plane.start()
    finally:
        plane.close()


@pytest.fixture
def tus(plane: DataPlane) -> Tus:
    return Tus(plane.http)


def id_of(url: str) -> str:
    return url.rpartition("/")[2]


def requests_of(plane: DataPlane, url: str, method: str) -> list[str]:
    """Ids of the recorded requests on an upload."""
    return [
        each["id"]
        for each in records(plane)
        if each["kind"] == "req" and each.get("upload") == id_of(url) and each["method"] == method
    ]


def holding(plane: DataPlane, url: str, data: bytes, announced: int, **headers: str) -> Line:
    """A request that holds the upload, its first bytes written, and is silent now."""
    before = len(requests_of(plane, url, "PATCH"))
    line = Line(plane, url, 0, announced, **headers)
    line.send(data)
    deadline = time.monotonic() + 5
    while len(requests_of(plane, url, "PATCH")) == before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return line


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE", "COMMIT"])
def test_a_newer_request_takes_the_upload_from_a_silent_one(
    plane: DataPlane, tus: Tus, method: str
) -> None:
    url = tus.begin("taken", 9)
    older = holding(plane, url, b"abcd", 9)
    began = time.monotonic()
    if method == "HEAD":
        assert tus.offset(url) == 4
    elif method == "PATCH":
        assert tus.patch(url, 4, b"efghi").headers["upload-offset"] == "9"
    elif method == "DELETE":
        assert tus.delete(url).status_code == 204
    else:
        assert tus.commit(url).status_code == 409
    assert time.monotonic() - began < SOON
    assert older.status() == 423
    older.rest()  # ends: the connection is closed
    older.close()
    _, done = pairs(plane, requests_of(plane, url, "PATCH")[0])
    assert [each["outcome"] for each in done] == ["upload_locked"]


def test_a_newer_request_takes_the_upload_from_one_that_still_sends(
    plane: DataPlane, tus: Tus
) -> None:
    url = tus.begin("sending", 1 << 30)
    older = holding(plane, url, b"x" * 1000, 1 << 30)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_for_ever, older)
        offset = tus.offset(url)
        assert offset >= 1000
        assert tus.offset(url) == offset, "the older one goes on"
        sending.result(20)
    older.close()
    tus.delete(url)


def send_for_ever(line: Line) -> None:
    try:
        while True:
            line.send(b"x" * 65536)
            time.sleep(0.002)
    except OSError:
        return


def test_what_arrived_before_a_line_broke_is_kept(plane: DataPlane, tus: Tus) -> None:
    url = tus.begin("broken", 9)
    line = holding(plane, url, b"abcd", 9)
    line.close()
    assert tus.offset(url) == 4
    assert tus.patch(url, 4, b"efghi").status_code == 204
    assert tus.commit(url).json()["sha256"] == hashlib.sha256(b"abcdefghi").hexdigest()
    _, done = pairs(plane, requests_of(plane, url, "PATCH")[0])
    assert [each["outcome"] for each in done] == ["bad_request"]


def test_half_of_a_part_with_a_checksum_is_not_kept(plane: DataPlane, tus: Tus) -> None:
    """It cannot be compared."""
    url = tus.begin("half", 9)
    said = checksum("sha1", b"abcdefghi")
    line = holding(plane, url, b"abcd", 9, Upload_Checksum=said)
    line.close()
    assert tus.offset(url) == 0
    older = holding(plane, url, b"abcd", 9, Upload_Checksum=said)
    assert tus.offset(url) == 0
    assert older.status() == 423
    older.close()
    assert tus.patch(url, 0, b"abcdefghi", Upload_Checksum=said).status_code == 204


def test_a_line_that_breaks_in_a_creation_leaves_no_upload(plane: DataPlane, tus: Tus) -> None:
    """Nobody has learnt of it."""
    staging = plane.config.roots[0] / "staging"
    before = set(staging.iterdir())

    def half() -> Iterator[bytes]:
        yield b"abc"
        raise ConnectionError("broken by the test")

    with pytest.raises(ConnectionError):
        tus.create("half-made", 9, body=half())  # type: ignore[arg-type]
    deadline = time.monotonic() + 5
    while set(staging.iterdir()) != before:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_those_who_wait_for_an_upload_keep_nobody_else_from_writing(
    plane: DataPlane, tus: Tus
) -> None:
    """Their holder does not give way at all here; there are more of them than writers' threads."""
    urls = [tus.begin(f"stuck-{number}", 9) for number in range(40)]
    locks = [hold_for_good(plane, url) for url in urls]
    try:
        with ThreadPoolExecutor(60) as pool:
            began = time.monotonic()
            asked = [*urls, *urls[:1] * 20]
            waiting = [pool.submit(tus_of(plane).head, url) for url in asked]
            time.sleep(0.5)
            slowest = 0.0
            for number in range(20):
                sent = time.monotonic()
                put = plane.http.put(f"/v1/content/photos/beside-{number}", content=b"x")
                assert put.status_code == 201
                slowest = max(slowest, time.monotonic() - sent)
            assert slowest < SOON
            answers = [each.result(60) for each in waiting]
        assert time.monotonic() - began < 20
    finally:
        for lock in locks:
            os.close(lock)
    assert {answer.status_code for answer in answers} == {423}
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    assert [tus.offset(url) for url in urls[:3]] == [0] * 3


def tus_of(plane: DataPlane) -> Tus:
    return Tus(plane.client(plane.api_key, limits=httpx.Limits(max_connections=1)))


def hold_for_good(plane: DataPlane, url: str) -> int:
    """The upload's lock, held as by a request that cannot give way."""
    lock = plane.config.roots[0] / "staging" / id_of(url) / "lock"
    fd = os.open(lock, os.O_RDWR)
    assert fileops.try_lock(fd, 0)
    return fd


def test_an_upload_goes_on_after_the_server_was_killed(plane: DataPlane, tus: Tus) -> None:
    """In the middle of a part, and behind the commit."""
    data = os.urandom(900_000)
    url = tus.begin("killed", len(data))
    assert tus.patch(url, 0, data[:100_000]).status_code == 204
    line = Line(plane, url, 100_000, len(data) - 100_000)
    line.send(data[100_000:700_000])
    time.sleep(0.3)
    plane.kill()
    line.close()
    plane.start()
    offset = tus.offset(url)
    assert 100_000 <= offset <= 700_000
    assert tus.patch(url, offset, data[offset:]).status_code == 204
    answer = tus.commit(url)
    assert answer.json()["sha256"] == hashlib.sha256(data).hexdigest()
    plane.kill()
    plane.start()
    assert tus.commit(url).json() == answer.json()
    assert len(tus.http.get("/v1/versions/photos/killed").json()["versions"]) == 1


def test_a_server_that_stops_waits_for_no_upload_and_keeps_what_arrived(
    plane: DataPlane, tus: Tus
) -> None:
    url = tus.begin("stopped", 9)
    line = holding(plane, url, b"abcd", 9)
    began = time.monotonic()
    plane.stop()
    assert time.monotonic() - began < 20, "the upload would have held it up for 30 seconds"
    assert line.status() == 503
    line.close()
    plane.start()
    assert tus.offset(url) == 4


STEPS = [
    "link_slot", "sync_slot_dir", "link_outbox", "sync_outbox", "receipt_file", "receipt",
    "receipt_dir",
]  # fmt: skip


@pytest.mark.parametrize("asked", ["COMMIT", "HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("step", STEPS)
def test_a_commit_killed_anywhere_behind_its_link_happens_once(
    plane: DataPlane, tus: Tus, step: str, asked: str
) -> None:
    """Whoever comes next finishes it; `link_slot` is the last step before there is a version."""
    key = f"{step}-{asked}"
    url = tus.begin(key, 3, body=b"abc", auto=False)
    if asked in {"HEAD", "PATCH"}:
        url = complete_but_not_committed(plane, tus, key)
    kill_in_commit(plane, url, step)
    if asked == "DELETE":
        assert tus.delete(url).status_code == 204
    elif asked == "COMMIT":
        assert tus.commit(url).status_code == 201
    elif asked == "HEAD":
        assert tus.head(url).headers["x-version"].endswith(".1")
    else:
        answer = tus.patch(url, 3, b"")
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, "3")
        assert answer.headers["x-version"].endswith(".1")
    stored = tus.http.get(f"/v1/content/photos/{key}")
    if asked == "DELETE" and step == "link_slot":
        assert stored.status_code == 404
        return
    assert stored.content == b"abc"
    assert len(tus.http.get(f"/v1/versions/photos/{key}").json()["versions"]) == 1
    assert in_an_outbox(plane, key), "the change feed has it"


def complete_but_not_committed(plane: DataPlane, tus: Tus, key: str) -> str:
    """With `commit=auto`, as a process leaves it that dies behind the last byte."""
    url = tus.begin(key, 3, auto=True)
    store = store_in(plane, time.gmtime().tm_year)
    object.__setattr__(store._environment, "clock", time.time_ns)
    with store.open_upload(UUID(id_of(url))) as upload:
        upload.write(b"abc")
    store.close()
    return url


def kill_in_commit(plane: DataPlane, url: str, step: str) -> None:
    """A process begins to commit the upload and is killed before this step."""
    pid = os.fork()
    if pid == 0:
        try:
            store = store_in(plane, time.gmtime().tm_year)
            object.__setattr__(store._environment, "clock", time.time_ns)
            upload = store.open_upload(UUID(id_of(url)))
            fileops.step_hook = lambda name: os.kill(os.getpid(), 9) if name == step else None
            upload.commit(actor="tester", same_bytes_ok=True)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, "the step was never reached"


def in_an_outbox(plane: DataPlane, key: str) -> bool:
    store = store_in(plane, time.gmtime().tm_year)
    address = store.address("photos", key).hex()
    store.close()
    outbox = plane.config.roots[0] / "outbox"
    return any(address in path.name for path in outbox.rglob("*"))


def test_a_complete_upload_that_commits_itself_never_says_so_before_it_has(
    plane: DataPlane, tus: Tus
) -> None:
    """Not while somebody else holds it either."""
    url = complete_but_not_committed(plane, tus, "silent")
    lock = hold_for_good(plane, url)
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(tus_of(plane).head, url)
        time.sleep(0.3)
        assert tus.http.get("/v1/content/photos/silent").status_code == 404
        assert not asking.done()
        os.close(lock)
        answer = asking.result(20)
    assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("3", "3")
    assert tus.http.get("/v1/content/photos/silent").content == b"abc"


def test_a_thousand_commits_of_an_upload_make_one_version(plane: DataPlane, tus: Tus) -> None:
    """Forty here; each gets the same answer."""
    url = tus.begin("crowded", 3, body=b"abc")
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: tus_of(plane).commit(url), range(40)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(tus.http.get("/v1/versions/photos/crowded").json()["versions"]) == 1
