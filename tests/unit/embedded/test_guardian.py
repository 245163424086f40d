"""The guardian ends what its supervisor started, however the supervisor ended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contentserver.embedded import guardian
from contentserver.embedded.processes import Child, Command, Guardian
from tests.support.house import wait_for_end

SLEEP = "import time; time.sleep(600)"
DEAF = f"""
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
{SLEEP}
"""
# A child in a session of its own, as each backend of PostgreSQL is.
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {SLEEP!r}], start_new_session=True)
"""


@pytest.fixture
def lock(tmp_path: Path):
    descriptor = os.open(tmp_path / "lock", os.O_CREAT | os.O_RDWR)
    yield descriptor
    os.close(descriptor)


def start(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE, text=True
    )


def test_it_ends_every_group_and_removes_what_was_named(tmp_path: Path, lock: int):
    folder, file = tmp_path / "sockets", tmp_path / "servers.json"
    (folder / "inner").mkdir(parents=True)
    file.write_text("{}")
    sleeper = start(SLEEP)
    watch = Guardian(lock)
    watch.adopt(sleeper.pid, signal.SIGTERM)
    watch.remove_at_end(folder)
    watch.remove_at_end(file)
    watch.close()
    assert sleeper.wait(5) == -signal.SIGTERM
    assert not folder.exists()
    assert not file.exists()


def test_it_spares_a_group_that_it_was_told_to_forget(lock: int):
    sleeper = start(SLEEP)
    watch = Guardian(lock)
    watch.adopt(sleeper.pid, signal.SIGTERM)
    watch.forget(sleeper.pid)
    watch.close()
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_it_kills_what_does_not_listen():
    deaf = start(DEAF)
    assert deaf.stdout is not None
    assert deaf.stdout.readline() == "deaf\n"
    guardian.end({deaf.pid: signal.SIGTERM}, patience=0.3)
    assert deaf.wait(5) == -signal.SIGKILL


def test_it_kills_descendants_that_have_sessions_of_their_own():
    parent = start(PARENT)
    deadline = time.monotonic() + 10
    while not (family := set(guardian.iter_descendants(parent.pid))):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    guardian.kill(parent.pid)
    parent.wait(5)
    assert wait_for_end(family, timeout=5) == set()


def test_a_child_that_dies_is_named_with_the_end_of_its_log(tmp_path: Path, lock: int):
    watch = Guardian(lock)
    code = "print('the reason', flush=True); raise SystemExit(3)"
    command = Command("unlucky", (sys.executable, "-c", code), tmp_path, dict(os.environ))
    child = Child(command, tmp_path / "logs" / "unlucky.log", watch)
    assert child.wait(10) == 3
    with pytest.raises(Exception, match=r"(?s)unlucky ended by itself with status 3.*the reason"):
        child.check()
    child.stop()
    watch.close()
