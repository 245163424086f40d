"""A Django project whose files lie on the content server, under Django's own test runner."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.client.storage_support import credentials_of
from tests.support.plane import REPOSITORY, DataPlane, clean_environment

Ended = subprocess.CompletedProcess[str]
APP = Path(__file__).parent / "django_app"


@pytest.fixture(scope="module")
def environment(shared_data_plane: DataPlane) -> dict[str, str]:
    return credentials_of(shared_data_plane)


def run(
    environment: dict[str, str], tmp_path: Path, *words: str
) -> subprocess.CompletedProcess[str]:
    """A Python of its own, in the project."""
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=REPOSITORY,
        env={
            **clean_environment(),
            **environment,
            "APP_DATABASE": str(tmp_path / "app.sqlite3"),
            "DJANGO_SETTINGS_MODULE": "tests.integration.client.django_app.settings",
            "PYTHONPATH": ":".join([str(REPOSITORY), *sys.path]),
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    for secret in ("CONTENTSERVER_API_KEY", "CONTENTSERVER_URL_KEY"):
        assert environment[secret] not in ended.stdout + ended.stderr
    return ended


@pytest.mark.parametrize("module", sorted(path.stem for path in APP.glob("checks_*.py")))
def test_a_project_keeps_its_files_here(
    environment: dict[str, str], tmp_path: Path, module: str
) -> None:
    label = f"tests.integration.client.django_app.{module}"
    ended = run(environment, tmp_path, "-m", "django", "test", label)
    ran = re.search(r"^Ran (\d+) tests", ended.stderr, re.MULTILINE)
    written = len(re.findall(r"^    def test_", (APP / f"{module}.py").read_text(), re.MULTILINE))
    assert ran is not None
    assert int(ran[1]) == written > 0


def test_forked_processes_and_their_threads_get_their_own_answers(
    environment: dict[str, str], tmp_path: Path
) -> None:
    run(environment, tmp_path, str(APP / "many_processes.py"))
