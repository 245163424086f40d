"""Folders on their way to the server: once, again, and after every kind of end."""

import hashlib
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from contentserver.client import retry
from tests.integration.client.cli.conftest import Contentctl
from tests.support.cutting_proxy import CuttingProxy
from tests.support.plane import DataPlane

Keep = Callable[..., "object"]


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    for number in range(12):
        path = folder / f"box {number % 3}" / f"scan-{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(50_000))
    return folder


def keys_of(folder: Path, prefix: str) -> dict[str, Path]:
    return {
        f"{prefix}{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()
    }


def states(ran: object) -> dict[str, str]:
    return {line["key"]: line["state"] for line in ran.lines if "key" in line}


def assert_stored_once(plane: DataPlane, folder: Path, prefix: str) -> None:
    """Every file of the folder is the one version under its key."""
    for key, path in keys_of(folder, prefix).items():
        (version,) = plane.http.get(f"/v1/versions/photos/{key}").json()["versions"]
        assert version["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_file_goes_up_and_the_second_time_none(
    contentctl: Contentctl, scans: Path, prefix: str, shared_data_plane: DataPlane
):
    first = contentctl("cp", "-r", scans, f"photos/{prefix}", "--json")
    assert first.status == 0
    assert first.lines[-1]["summary"]["copied"] == 12
    assert first.lines[-1]["summary"]["bytes"] == 12 * 50_000
    assert_stored_once(shared_data_plane, scans, prefix)
    again = contentctl("cp", "-r", scans, f"photos/{prefix}", "--json")
    assert set(states(again).values()) == {"unchanged"}
    assert states(again).keys() == keys_of(scans, prefix).keys()


def test_what_is_unchanged_is_told_without_asking_the_server(
    contentctl: Contentctl, scans: Path, prefix: str
):
    contentctl("cp", "-r", scans, f"photos/{prefix}")
    contentctl.environment["CONTENTSERVER_API_KEY"] = "of nobody"
    assert contentctl("cp", "-r", scans, f"photos/{prefix}").status == 0


def test_a_changed_file_alone_is_copied_again(contentctl: Contentctl, scans: Path, prefix: str):
    contentctl("cp", "-r", scans, f"photos/{prefix}")
    changed, touched = scans / "box 0" / "scan-0.png", scans / "box 1" / "scan-1.png"
    changed.write_bytes(os.urandom(50_000))
    os.utime(touched, (1, 1))
    again = contentctl("cp", "-r", scans, f"photos/{prefix}", "--json")
    copied = [key for key, state in states(again).items() if state == "copied"]
    assert copied == [f"{prefix}box 0/scan-0.png"]


def test_bytes_that_changed_behind_their_time_are_found_by_checksum(
    contentctl: Contentctl, scans: Path, prefix: str
):
    path = scans / "box 0" / "scan-0.png"
    contentctl("cp", "-r", scans, f"photos/{prefix}")
    facts = path.stat()
    path.write_bytes(os.urandom(50_000))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    believed = contentctl("cp", "-r", scans, f"photos/{prefix}", "--json")
    assert believed.lines[-1]["summary"]["copied"] == 0
    compared = contentctl("cp", "-r", scans, f"photos/{prefix}", "--json", "--checksum")
    assert compared.lines[-1]["summary"]["copied"] == 1


def test_without_its_manifest_a_copy_sends_only_what_the_server_has_not(
    contentctl: Contentctl, scans: Path, prefix: str, tmp_path: Path, shared_data_plane: DataPlane
):
    contentctl("cp", "-r", scans, f"photos/{prefix}")
    (scans / "new").write_bytes(b"new")
    with CuttingProxy(shared_data_plane.config.port) as proxy:
        contentctl.environment["CONTENTSERVER_URL"] = proxy.url
        again = contentctl("cp", "-r", scans, f"photos/{prefix}", "--json")
        assert proxy.sent < 50_000
    assert again.lines[-1]["summary"]["unchanged"] == 12
    assert again.lines[-1]["summary"]["copied"] == 1


def test_what_the_server_lost_meanwhile_is_sent_again_when_all_is_compared(
    contentctl: Contentctl, scans: Path, prefix: str
):
    contentctl("cp", "-r", scans, f"photos/{prefix}")
    key = next(iter(keys_of(scans, prefix)))
    contentctl("rm", f"photos/{key}")
    contentctl("put", "-", f"photos/{prefix}box 1/scan-1.png", stdin=b"of somebody else")
    again = contentctl("cp", "-r", scans, f"photos/{prefix}", "--checksum", "--json")
    copied = {name for name, state in states(again).items() if state == "copied"}
    assert copied == {key, f"{prefix}box 1/scan-1.png"}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    contentctl: Contentctl, scans: Path, prefix: str, tmp_path: Path, shared_data_plane: DataPlane
):
    planned = contentctl("cp", "-r", scans, f"photos/{prefix}", "--dry-run", "--json")
    assert set(states(planned).values()) == {"planned"}
    assert planned.lines[-1]["summary"]["planned"] == 12
    assert "would copy" in contentctl("cp", "-r", scans, f"photos/{prefix}", "--dry-run").out
    assert not (tmp_path / "state").exists()
    key = next(iter(keys_of(scans, prefix)))
    assert shared_data_plane.http.get(f"/v1/content/photos/{key}").status_code == 404


def test_what_is_there_already_is_left_when_asked_to(
    contentctl: Contentctl, scans: Path, prefix: str
):
    key = next(iter(keys_of(scans, prefix)))
    contentctl("put", "-", f"photos/{key}", stdin=b"of somebody else")
    ran = contentctl("cp", "-r", scans, f"photos/{prefix}", "--no-clobber", "--json")
    assert ran.status == 0
    assert states(ran)[key] == "skipped"
    assert contentctl("get", f"photos/{key}", "-").out == "of somebody else"


def test_failed_files_are_named_and_the_status_says_so(
    contentctl: Contentctl, scans: Path, prefix: str, shared_data_plane: DataPlane
):
    (scans / ("long" * 60)).mkdir()
    (scans / ("long" * 60) / ("x" * 250)).write_bytes(b"x")
    (scans / ("long" * 60) / ("y" * 255)).write_bytes(b"y")
    (scans / "link").symlink_to("nowhere")
    ran = contentctl("cp", "-r", scans, f"photos/{prefix}{'deep/' * 5}")
    assert ran.status == 1
    assert ran.err.count("failed ") == 2
    assert "the limit is 512" in ran.err
    assert "skipped link" in ran.err
    assert "12 copied" in ran.out
    assert "2 failed" in ran.out
    quiet = contentctl("cp", "-r", scans, f"photos/{prefix}{'deep/' * 5}", "--quiet")
    assert quiet.err.count("failed ") == 2


def test_a_client_that_may_not_write_is_told_once_for_all(
    contentctl: Contentctl, scans: Path, shared_data_plane: DataPlane
):
    ran = contentctl("cp", "-r", scans, "not-there/x/", "--jobs", "1")
    assert ran.status == 3
    assert ran.err.count("failed ") == 10
    assert "the same command goes on" in ran.err


def test_a_server_that_is_gone_ends_the_copy(
    contentctl: Contentctl, scans: Path, prefix: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retry, "BASE", 0.001)
    contentctl.environment["CONTENTSERVER_URL"] = "http://127.0.0.1:1"
    ran = contentctl("cp", "-r", scans, f"photos/{prefix}", "--jobs", "1")
    assert ran.status == 5
    assert ran.err.count("failed ") <= 1
    assert "CONTENTSERVER_URL" in ran.err


def test_a_copy_that_is_killed_again_and_again_ends_with_every_file_stored_once(
    *, contentctl: Contentctl, scans: Path, prefix: str, tmp_path: Path, started: Keep,
    shared_data_plane: DataPlane,
):  # fmt: skip
    manifest = tmp_path / "manifest.jsonl"
    command = ("cp", "-r", scans, f"photos/{prefix}", "--manifest", manifest, "--jobs", "3")
    chance, seen = random.Random(7), 0
    with CuttingProxy(shared_data_plane.config.port, port=0) as proxy:
        contentctl.environment["CONTENTSERVER_URL"] = proxy.url
        for kill in range(4):
            running = started(contentctl.start(*command))
            mark = proxy.sent + chance.randrange(60_000, 140_000)
            proxy.after(mark, lambda running=running: running.kill())
            running.wait(60)
            assert running.returncode == -signal.SIGKILL, f"it ended before kill {kill}"
            done = done_in(manifest)
            assert done >= seen
            seen = done
        before = proxy.sent
        last = contentctl(*command, "--json")
    assert last.status == 0
    assert 0 < seen < 12
    assert last.lines[-1]["summary"]["unchanged"] >= seen
    assert proxy.sent - before < (12 - seen + 1) * 52_000
    assert_stored_once(shared_data_plane, scans, prefix)


def done_in(manifest: Path) -> int:
    lines = manifest.read_text().splitlines()[1:] if manifest.exists() else []
    return sum('"state": "done"' in line for line in lines)


def test_a_long_file_is_gone_on_with_in_its_middle(
    contentctl: Contentctl, prefix: str, tmp_path: Path, started: Keep,
    shared_data_plane: DataPlane,
):  # fmt: skip
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "film").write_bytes(os.urandom(20 << 20))
    with CuttingProxy(shared_data_plane.config.port) as proxy:
        contentctl.environment["CONTENTSERVER_URL"] = proxy.url
        running = started(contentctl.start("cp", "-r", folder, f"photos/{prefix}"))
        proxy.after(12 << 20, running.kill)
        running.wait(60)
        before = proxy.sent
        assert contentctl("cp", "-r", folder, f"photos/{prefix}").status == 0
        assert proxy.sent - before < 14 << 20
    assert_stored_once(shared_data_plane, folder, prefix)


def test_a_long_file_that_changed_meanwhile_begins_anew(
    contentctl: Contentctl, prefix: str, tmp_path: Path, started: Keep,
    shared_data_plane: DataPlane,
):  # fmt: skip
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "film").write_bytes(os.urandom(20 << 20))
    facts = (folder / "film").stat()
    with CuttingProxy(shared_data_plane.config.port) as proxy:
        contentctl.environment["CONTENTSERVER_URL"] = proxy.url
        running = started(contentctl.start("cp", "-r", folder, f"photos/{prefix}"))
        proxy.after(12 << 20, running.kill)
        running.wait(60)
        (folder / "film").write_bytes(os.urandom(20 << 20))
        os.utime(folder / "film", ns=(facts.st_atime_ns, facts.st_mtime_ns))  # even so
        assert contentctl("cp", "-r", folder, f"photos/{prefix}").status == 0
    assert_stored_once(shared_data_plane, folder, prefix)


@pytest.mark.parametrize(("how", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly_and_it_says_how_to_go_on(
    *, contentctl: Contentctl, scans: Path, prefix: str, started: Keep,
    shared_data_plane: DataPlane, how: signal.Signals, status: int,
):  # fmt: skip
    silent = threading.Event()
    with CuttingProxy(shared_data_plane.config.port) as proxy:
        contentctl.environment["CONTENTSERVER_URL"] = proxy.url
        running = started(contentctl.start("cp", "-r", scans, f"photos/{prefix}"))
        proxy.after(150_000, lambda: (running.send_signal(how), silent.wait(30)))
        began = time.monotonic()
        _, said = running.communicate(timeout=30)
        silent.set()
    assert running.returncode == status
    assert "Traceback" not in said
    assert "the same command goes on" in said
    assert time.monotonic() - began < 15
    contentctl.environment["CONTENTSERVER_URL"] = shared_data_plane.url
    assert contentctl("cp", "-r", scans, f"photos/{prefix}").status == 0
    assert_stored_once(shared_data_plane, scans, prefix)


def test_a_file_that_is_written_to_meanwhile_is_not_counted_as_done(
    contentctl: Contentctl, tmp_path: Path, prefix: str, shared_data_plane: DataPlane
):
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "a").write_bytes(b"x" * 200_000)
    with CuttingProxy(shared_data_plane.config.port) as proxy:
        contentctl.environment["CONTENTSERVER_URL"] = proxy.url
        proxy.after(100_000, lambda: (folder / "a").write_bytes(b"y" * 200_001))
        ran = contentctl("cp", "-r", folder, f"photos/{prefix}")
    assert ran.status == 1
    assert "changed while it was copied" in ran.err or "shorter" in ran.err
    contentctl.environment["CONTENTSERVER_URL"] = shared_data_plane.url
    again = contentctl("cp", "-r", folder, f"photos/{prefix}", "--json")
    assert states(again) == {f"{prefix}a": "copied"}
    assert json.loads(contentctl("head", f"photos/{prefix}a", "--json").out)["size"] == 200_001
