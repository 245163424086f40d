"""What is seen where somebody looks, and what a pipe gets."""

import contextlib
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.client.cli.conftest import COMMAND, Contentctl
from tests.support.plane import REPOSITORY, clean_environment


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(3):
        (folder / f"scan-{number}.png").write_bytes(os.urandom(20_000))
    return folder


def on_a_terminal(contentctl: Contentctl, *arguments: object) -> str:
    """What a command writes to a terminal as its standard error."""
    ours, theirs = pty.openpty()
    environment = {**clean_environment(), **contentctl.environment, "TERM": "xterm-256color"}
    running = subprocess.Popen(
        [*COMMAND, *map(str, arguments)], cwd=REPOSITORY, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # a terminal whose other end is closed gives EIO
        while piece := os.read(ours, 65536):
            seen += piece
    os.close(ours)
    assert running.wait(30) == 0
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())


def test_a_terminal_shows_bars_and_a_pipe_none(contentctl: Contentctl, scans: Path, prefix: str):
    seen = on_a_terminal(contentctl, "cp", "-r", scans, f"photos/{prefix}")
    assert "━" in seen
    assert "3 of 3 files" in seen
    piped = contentctl("cp", "-r", scans, f"photos/{prefix}again/")
    assert "━" not in piped.out + piped.err
    assert "\x1b" not in piped.out + piped.err


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_a_terminal_shows_no_bars_when_none_are_wanted(
    contentctl: Contentctl, scans: Path, prefix: str, option: str
):
    assert on_a_terminal(contentctl, "cp", "-r", scans, f"photos/{prefix}", option) == ""


def test_a_reader_that_leaves_ends_it_without_a_word(
    contentctl: Contentctl, prefix: str, scans: Path
):
    (scans / "long").write_bytes(os.urandom(3_000_000))
    assert contentctl("put", scans / "long", f"photos/{prefix}long").status == 0
    running = contentctl.start("get", f"photos/{prefix}long", "-")
    assert running.stdout is not None
    running.stdout.close()
    assert running.wait(30) == 141
    assert running.stderr is not None
    assert running.stderr.read() == ""


def test_it_starts_without_django_and_without_the_server():
    told = "import sys; import contentserver.client.cli; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True,
                          cwd=REPOSITORY)  # fmt: skip
    assert "contentserver.store" not in done.stdout
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"django", "skold", "celery", "rest_framework", "uvicorn"}
