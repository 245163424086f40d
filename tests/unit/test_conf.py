"""Settings come from the environment, in one place."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from environs import EnvError

from contentserver.conf import django_secret_key, read_config
from tests.support.plane import REPOSITORY


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path: Path):
    for name in ("DATABASE_URL", "BROKER_URL", "DJANGO_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CONTENTSERVER_HOME", str(tmp_path))


def test_it_puts_everything_below_the_home(tmp_path: Path):
    config = read_config()
    folders = [config.keys, config.published, config.ledger, *config.roots, *config.journal_dirs]
    assert all(folder.is_relative_to(tmp_path) for folder in folders)


def test_it_reads_several_roots_and_journals_as_absolute_paths(monkeypatch):
    monkeypatch.setenv("CONTENTSERVER_ROOTS", "/one,relative")
    monkeypatch.setenv("SKOLD_JOURNAL_DIRS", "/a,/b")
    config = read_config()
    assert config.roots == (Path("/one"), Path("relative").absolute())
    assert config.journal_dirs == (Path("/a"), Path("/b"))


def test_it_finds_the_embedded_servers_that_run(tmp_path: Path, monkeypatch):
    (tmp_path / "run").mkdir()
    written = {"database_url": "postgresql://u@/d?host=/short", "broker_url": "redis+socket:///s"}
    (tmp_path / "run" / "servers.json").write_text(json.dumps(written))
    config = read_config()
    assert (config.database_url, config.broker_url) == tuple(written.values())
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/d")
    assert read_config().database_url == "postgresql://elsewhere/d"


def test_it_names_the_variable_that_cannot_be_used(monkeypatch):
    monkeypatch.setenv("CONTENTSERVER_PORT", "eighty")
    with pytest.raises(EnvError, match="CONTENTSERVER_PORT"):
        read_config()


def test_it_takes_djangos_key_from_the_environment_then_from_the_home(tmp_path: Path, monkeypatch):
    assert django_secret_key(read_config()) == ""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "django.key").write_text("from the file\n")
    assert django_secret_key(read_config()) == "from the file"
    monkeypatch.setenv("DJANGO_SECRET_KEY", "from the environment")
    assert django_secret_key(read_config()) == "from the environment"


@pytest.mark.parametrize("module", ["contentserver.delivery.asgi", "contentserver.web"])
def test_the_data_plane_starts_without_django_celery_and_psycopg(module: str):
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "contentserver" in loaded
    assert not loaded & {"django", "celery", "psycopg", "rest_framework"}
