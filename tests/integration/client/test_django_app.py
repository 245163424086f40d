"""A Django project whose files lie on the content server, under Django's own test runner."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.client.storage_support import credentials_of
from tests.support.plane import REPOSITORY, DataPlane, clean_environment

APP = Path(__file__).parent / "django_app"


@pytest.fixture(scope="module")
def environment(shared_data_plane: DataPlane) -> dict[str, str]:
    return credentials_of(shared_data_plane)


@pytest.mark.parametrize("module", sorted(path.stem for path in APP.glob("checks_*.py")))
def test_a_project_keeps_its_files_here(
    environment: dict[str, str], tmp_path: Path, module: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "django", "test", f"tests.integration.client.django_app.{module}"],
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
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    ran = re.search(r"^Ran (\d+) tests", ended.stderr, re.MULTILINE)
    written = len(re.findall(r"^    def test_", (APP / f"{module}.py").read_text(), re.MULTILINE))
    assert ran is not None
    assert int(ran[1]) == written > 0
    for secret in ("CONTENTSERVER_API_KEY", "CONTENTSERVER_URL_KEY"):
        assert environment[secret] not in ended.stdout + ended.stderr
