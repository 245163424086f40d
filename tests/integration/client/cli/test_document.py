"""docs/clients.md, section contentctl: what it shows is what is printed."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from contentserver.client.cli.failures import STATUSES
from tests.integration.client.cli.console_blocks import (
    iter_lines,
    section,
    typed,
    without_what_varies,
)
from tests.support.both_planes import both_planes
from tests.support.plane import REPOSITORY, clean_environment

PAGE = REPOSITORY / "docs" / "clients.md"


@pytest.fixture
def shell(tmp_path: Path, transactional_db: None, settings: Settings) -> Iterator[dict[str, str]]:
    """The environment of a client, with `contentctl` on the path as an installation puts it."""
    program = tmp_path / "bin" / "contentctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m contentserver.client.cli "$@"\n')
    program.chmod(0o755)
    clean = clean_environment()
    with both_planes(tmp_path / "home", settings, "photos") as planes:
        yield {
            **clean,
            **planes.environment_of_client,
            "PATH": f"{program.parent}:{clean['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "HOME": str(tmp_path),
            "LC_ALL": "C.UTF-8",
        }


@pytest.mark.django_db(transaction=True)
def test_every_command_prints_what_the_document_shows(shell: dict[str, str], tmp_path: Path):
    folder = tmp_path / "here"
    folder.mkdir()
    lines = list(iter_lines(section(PAGE, "contentctl")))
    assert len(lines) > 15
    for line in lines:
        shown = without_what_varies(line.printed)
        # The list follows within a second; asking again changes nothing.
        deadline = time.monotonic() + (20 if line.command.startswith("contentctl ls") else 0)
        printed = without_what_varies(typed(line.command, folder, shell))
        while printed != shown and time.monotonic() < deadline:
            printed = without_what_varies(typed(line.command, folder, shell))
        assert printed == shown, line.command


def test_the_exit_statuses_it_lists_are_those_of_the_help():
    rows = [line for line in section(PAGE, "contentctl").splitlines() if line.startswith("| ")]
    listed = {number for row in rows[1:] for number in row.split("|")[1].replace(",", " ").split()}
    assert listed == {word for word in STATUSES.replace(",", " ").split() if word.isdigit()}
