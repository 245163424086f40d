"""docs/clients.md, section contentctl: what it shows is what is printed."""

import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from contentserver import control, runtime
from contentserver.catalog.services import create_collection
from contentserver.conf import config
from skold.services import create_client, give_grant, issue_api_key
from skold.services.url_keys import issue_url_key
from tests.integration.client.cli.console_blocks import (
    iter_lines,
    section,
    typed,
    without_what_varies,
)
from tests.support.bridge import RunningBridge, database_url
from tests.support.plane import REPOSITORY, DataPlane, clean_environment

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = REPOSITORY / "docs" / "clients.md"
ACTIONS = ["read", "write", "delete", "list", "sign", "stage", "commit"]


class BothPlanes(DataPlane):
    """Both planes on one port, and a bridge that carries what is stored into the catalog."""

    arguments = ()

    def open(self) -> dict[str, str]:
        """A client of the institution; the environment in which it works."""
        self.bridge = RunningBridge(self, database_url()).start()
        create_collection(actor="test", name="photos")
        client = create_client(actor="test", id="school", name="School")
        give_grant(actor="test", client=client, collection="photos", actions=ACTIONS)
        api_key = issue_api_key(actor="test", client=client).plaintext
        wrapping = runtime.data_keyset(self.config).url_keys
        signing = issue_url_key(actor="test", client=client, wrapping_keys=wrapping)
        self.start()
        with self.client(api_key) as school:
            self.bridge.wait_until(
                lambda: school.get("/api/v1/files?collection=photos").status_code == 200
            )
        return {
            "CONTENTSERVER_URL": self.url,
            "CONTENTSERVER_API_KEY": api_key,
            "CONTENTSERVER_URL_KEY_ID": signing.key.id,
            "CONTENTSERVER_URL_KEY": signing.secret,
        }


@pytest.fixture
def environment(
    tmp_path: Path, transactional_db: None, settings: Settings
) -> Iterator[dict[str, str]]:
    node = f"node-{uuid.uuid4().hex[:12]}"
    planes = BothPlanes(tmp_path / "home", CONTENTSERVER_NODE=node, DATABASE_URL=database_url())
    planes.config.policy.unlink()  # the bridge publishes the first one
    settings.CONFIG = planes.config
    control.install(planes.config)
    try:
        yield planes.open()
    finally:
        control.install(config())
        planes.bridge.kill()
        planes.close()


@pytest.fixture
def shell(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """With `contentctl` on the path, as an installation puts it there."""
    program = tmp_path / "bin" / "contentctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m contentserver.client.cli "$@"\n')
    program.chmod(0o755)
    clean = clean_environment()
    return {
        **clean,
        **environment,
        "PATH": f"{program.parent}:{clean['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }


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
    from contentserver.client.cli.failures import STATUSES

    rows = [line for line in section(PAGE, "contentctl").splitlines() if line.startswith("| ")]
    listed = {number for row in rows[1:] for number in row.split("|")[1].replace(",", " ").split()}
    assert listed == {word for word in STATUSES.replace(",", " ").split() if word.isdigit()}
