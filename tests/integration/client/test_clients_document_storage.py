"""The sections of docs/clients.md on Django and Java: every line of code in them is run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.client.storage_support import credentials_of
from tests.support.plane import COLLECTION, REPOSITORY, DataPlane, clean_environment

DOCUMENT = REPOSITORY / "docs" / "clients.md"
Environment = dict[str, str]

SETTINGS = """
SECRET_KEY = "of a test"
USE_TZ = True
INSTALLED_APPS = ["letters"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
"""
USED = """
import django
django.setup()
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.db import transaction
from letters.models import Letter
call_command("migrate", run_syncdb=True, verbosity=0)
"""
MAIN = """
import java.io.*; import java.nio.file.*; import java.time.Duration; import java.util.Base64;
class Main {
    public static void main(String[] words) throws Exception {
        String url = System.getenv("CONTENTSERVER_URL");
        String apiKey = System.getenv("CONTENTSERVER_API_KEY");
        String urlKeyId = System.getenv("CONTENTSERVER_URL_KEY_ID");
        byte[] urlKey = Base64.getDecoder().decode(System.getenv("CONTENTSERVER_URL_KEY"));
        Path file = Paths.get("17.pdf");
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        %s
        System.out.println(out + "\\n" + link);
    }
}
"""


@pytest.fixture(scope="module")
def environment(shared_data_plane: DataPlane) -> Environment:
    shared_data_plane.policy["collections"]["letters"] = {**COLLECTION, "inline_types": ["*/*"]}
    return {**clean_environment(), **credentials_of(shared_data_plane)}


def blocks(heading: str, language: str) -> list[str]:
    """Code of a section of the second level."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def run(command: list[str], folder: Path, environment: Environment) -> str:
    ended = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_django_project_does_what_its_comments_say(
    environment: Environment, tmp_path: Path
) -> None:
    settings, models, used = blocks("Django", "python")
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "__init__.py").touch()
    (tmp_path / "letters" / "models.py").write_text(models, encoding="utf-8")
    (tmp_path / "settings.py").write_text(SETTINGS + settings, encoding="utf-8")
    (tmp_path / "use.py").write_text(USED + used, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(REPOSITORY), *sys.path])
    own = {**environment, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": path}
    lines = run([sys.executable, "use.py"], tmp_path, own).splitlines()
    name, url, read, kept, *versions = lines
    assert re.fullmatch(r"scans/\d{4}/scan.pdf 16", name)
    assert "/v1/content/letters/portal/scans/" in url
    assert (read, kept) == ("b'scanned'", "17/contract.pdf")
    assert [version.split()[0].split(".")[1] for version in versions] == ["1", "2"]


@pytest.fixture(scope="module")
def java_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("javac"):
        pytest.skip("no JDK: javac is needed")
    folder = tmp_path_factory.mktemp("java")
    for name in ("examples", "docs"):
        (folder / name).symlink_to(REPOSITORY / name)
    (folder / "17.pdf").write_bytes(b"%PDF-1.7 seventeen")
    return folder


def test_the_java_lines_for_a_shell_do_what_they_say(
    environment: Environment, java_folder: Path
) -> None:
    (lines,) = blocks("Java", "sh")
    printed = run(["bash", "-euo", "pipefail", "-c", lines], java_folder, environment)
    assert "%PDF-1.7 seventeen" in printed
    assert "pass url-get.json" in printed
    assert (java_folder / "copy.pdf").read_bytes() == b"%PDF-1.7 seventeen"


def test_the_java_program_does_what_it_says(environment: Environment, java_folder: Path) -> None:
    (code,) = blocks("Java", "java")
    (java_folder / "Main.java").write_text(MAIN % code, encoding="utf-8")
    source = str(REPOSITORY / "examples" / "java" / "ContentServer.java")
    run(["javac", "--release", "11", "-d", "main", source, "Main.java"], java_folder, environment)
    version, content, link = run(["java", "-cp", "main", "Main"], java_folder, environment).split(
        "\n"
    )[:3]
    assert re.fullmatch(r"\d{4}\.1", version)
    assert content == "%PDF-1.7 seventeen"
    assert "sub=anna" in link
