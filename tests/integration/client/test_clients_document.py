"""The sections of docs/clients.md on curl and Python: every line of code in them is run."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.support.both_planes import BothPlanes, both_planes
from tests.support.plane import REPOSITORY, DataPlane, clean_environment

DOCUMENT = REPOSITORY / "docs" / "clients.md"
SCAN = b"%PDF-1.7 scanned"


def blocks(heading: str, language: str) -> list[str]:
    """Code of a section of the second level."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    (folder / "scan.pdf").write_bytes(SCAN)
    done = subprocess.run(
        command,
        cwd=folder,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_lines_for_curl_store_a_file_both_ways(data_plane: DataPlane, tmp_path: Path) -> None:
    known = {
        "URL": data_plane.url,
        "AUTH": f"Authorization: Bearer {data_plane.api_key}",
        "FILES": f"{data_plane.url}/v1/content/photos",
    }
    lines = "\n".join(blocks("curl", "sh"))
    run(["bash", "-euo", "pipefail", "-c", lines], tmp_path, known)
    assert (tmp_path / "copy.pdf").read_bytes() == SCAN
    for key in ("letters/17.pdf", "letters/18.pdf"):
        answer = data_plane.http.get(f"/v1/content/photos/{key}")
        assert (answer.content, answer.headers["content-type"]) == (SCAN, "application/pdf")


@pytest.fixture
def planes(tmp_path: Path, transactional_db: None, settings: Settings) -> Iterator[BothPlanes]:
    with both_planes(tmp_path / "home", settings, "archive") as running:
        yield running


@pytest.mark.django_db(transaction=True)
def test_the_python_program_does_what_its_comments_say(planes: BothPlanes, tmp_path: Path) -> None:
    writing, staging, listing, awaited = blocks("Python", "python")
    code = f"{writing}\n{staging}\n{WAITED}\n{listing}\n{awaited}"
    (tmp_path / "use.py").write_text(code, encoding="utf-8")
    path = os.pathsep.join([str(REPOSITORY), *sys.path])
    known = {**planes.environment_of_client, "PYTHONPATH": path}
    printed = run([sys.executable, "use.py"], tmp_path, known)
    assert re.search(r"^\d{4}\.1 True$", printed, re.MULTILINE)
    assert "16 application/pdf\nb'scanned'\n" in printed
    assert "/v1/uploads/" in printed
    assert "16 of 16\nb'%PDF'\n410 deleted " in printed
    assert "sub=anna" in printed
    assert re.search(r"^letters/17.pdf \d{4}\.1 16$", printed, re.MULTILINE)
    assert re.search(r"^deleted archive letters/18.pdf \d{4}\.2$", printed, re.MULTILINE)
    assert "b'hello'\n" in printed
    assert (tmp_path / "copy.pdf").read_bytes() == SCAN


WAITED = """
import time
while sum(change.kind == "deleted" for change in client.changes()) < 1:
    time.sleep(0.05)
"""
