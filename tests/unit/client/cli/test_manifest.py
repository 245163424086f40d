"""The manifest: what a line promises, and what is made of a file that a crash left."""

import json
import os
import threading
from pathlib import Path

import pytest

from contentserver.client.cli.manifest import Entry, Glance, Job, Manifest, ManifestUnusable

JOB = Job("up", "http://server", "/scans", "photos", "2026/")
DONE = Entry("2026/a", "done", 3, "ab" * 32, "2026.1", 17)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "deep" / "scans.jsonl")


def test_another_run_finds_what_was_done(path: str):
    with Manifest(path, JOB) as manifest:
        manifest.add(Entry("2026/a", "started", 3, upload="http://server/v1/uploads/x"))
        manifest.add(DONE)
    with Manifest(path, JOB) as manifest:
        assert manifest.find("2026/a") == DONE
        assert manifest.find("2026/b") is None
    assert os.stat(path).st_mode & 0o077 == 0


def test_a_line_is_flushed_before_add_returns(path: str, monkeypatch: pytest.MonkeyPatch):
    flushed: list[bytes] = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda fd: (flushed.append(Path(path).read_bytes()), fsync(fd))
    )
    with Manifest(path, JOB) as manifest:
        flushed.clear()
        manifest.add(DONE)
        assert len(flushed) == 1
        assert json.loads(flushed[0].splitlines()[-1])["key"] == "2026/a"


def test_threads_that_wait_for_a_flush_share_the_next(path: str, monkeypatch: pytest.MonkeyPatch):
    first, count, fsync = threading.Event(), [], os.fsync

    def slow(fd: int) -> None:
        count.append(1)
        first.wait(5.0)
        fsync(fd)

    with Manifest(path, JOB) as manifest:
        monkeypatch.setattr(os, "fsync", slow)
        keys = [f"2026/{number}" for number in range(12)]
        threads = [
            threading.Thread(target=manifest.add, args=(Entry(key, "done"),)) for key in keys
        ]
        for thread in threads:
            thread.start()
        while len(Path(path).read_bytes().splitlines()) < 13:
            pass
        first.set()
        for thread in threads:
            thread.join()
    assert len(count) == 2
    with Manifest(path, JOB) as manifest:
        assert all(manifest.find(key) for key in keys)


def test_every_torn_line_is_as_if_it_had_not_been_written(path: str):
    with Manifest(path, JOB) as manifest:
        manifest.add(DONE)
    whole = Path(path).read_bytes()
    begin = whole.index(b"\n") + 1
    for cut in range(begin, len(whole)):
        Path(path).write_bytes(whole[:cut])
        with Manifest(path, JOB) as manifest:
            assert manifest.find("2026/a") is None
            manifest.add(DONE)
        with Manifest(path, JOB) as manifest:
            assert manifest.find("2026/a") == DONE


def test_a_first_line_that_was_torn_begins_anew(path: str):
    with Manifest(path, JOB):
        pass
    whole = Path(path).read_bytes()
    for cut in range(len(whole)):
        Path(path).write_bytes(whole[:cut])
        with Manifest(path, JOB) as manifest:
            manifest.add(DONE)
        assert Path(path).read_bytes().startswith(whole)


def test_a_block_of_zeros_spoils_its_own_line_alone(path: str):
    with Manifest(path, JOB) as manifest:
        manifest.add(DONE)
        manifest.add(Entry("2026/b", "done"))
    lines = Path(path).read_bytes().splitlines()
    lines[1] = b"\0" * len(lines[1])
    Path(path).write_bytes(b"\n".join(lines) + b"\n")
    with Manifest(path, JOB) as manifest:
        assert manifest.find("2026/a") is None
        assert manifest.find("2026/b") is not None


@pytest.mark.parametrize("content", [b"letter to my mother", b"{}\n", b'{"key": 1}\n', b"\n"])
def test_a_file_that_is_no_manifest_is_left_as_it_is(path: str, content: bytes):
    os.makedirs(os.path.dirname(path))
    Path(path).write_bytes(content)
    with pytest.raises(ManifestUnusable, match="no manifest"):
        Manifest(path, JOB)
    assert Path(path).read_bytes() == content


@pytest.mark.parametrize(
    "other", [Job("down", *("http://server", "/scans", "photos", "2026/")),
              Job("up", "http://other", "/scans", "photos", "2026/"),
              Job("up", "http://server", "/scans", "photos", "2025/")],
)  # fmt: skip
def test_the_manifest_of_another_copy_is_refused(path: str, other: Job):
    with Manifest(path, JOB):
        pass
    with pytest.raises(ManifestUnusable, match=r"another copy.*--manifest"):
        Manifest(path, other)


def test_two_copies_at_once_with_one_manifest_are_refused(path: str):
    with Manifest(path, JOB), pytest.raises(ManifestUnusable, match="another contentctl"):
        Manifest(path, JOB)
    with Manifest(path, JOB):
        pass


def test_a_glance_finds_what_was_done_and_writes_nothing(path: str):
    assert Glance(path).find("2026/a") is None
    assert not os.path.exists(path)
    with Manifest(path, JOB) as manifest:
        manifest.add(DONE)
        before = Path(path).read_bytes()
        glance = Glance(path)
        glance.add(Entry("2026/b", "done"))
        assert glance.find("2026/a") == DONE
        assert Path(path).read_bytes() == before
