"""The verifier runs where nothing of ours is: a copied file, Python, and cryptography."""

import ast
import json
import subprocess
import sys
import venv
from pathlib import Path

import cryptography
import pytest

from skold.verifier import verify_audit
from tests.support.audit_ledgers import KEY, make_ledger


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ledger(tmp_path_factory.mktemp("alone"), (20,))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that holds nothing, not even pip."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    return folder / "bin" / "python"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    copy = tmp_path / "away" / "verify_audit.py"
    copy.parent.mkdir()
    copy.write_bytes(Path(verify_audit.__file__).read_bytes())
    return copy


def run(python: Path, copied: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-I", str(copied), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=copied.parent, check=False)


def give_cryptography(copied: Path) -> None:
    """Let the copy import cryptography, and cffi that it needs, and nothing else that is here."""
    packages = Path(cryptography.__file__).parent.parent
    allowed = copied.parent / "packages"
    allowed.mkdir()
    for name in ("cryptography", "cffi", "pycparser"):
        (allowed / name).symlink_to(packages / name)
    for native in packages.glob("_cffi_backend*"):
        (allowed / native.name).symlink_to(native)
    source = copied.read_text().replace(
        "import argparse\n",
        f"import sys\nsys.path.insert(0, {str(allowed)!r})\nimport argparse\n",
        1,
    )
    copied.write_text(source)


def test_it_imports_the_standard_library_and_cryptography():
    tree = ast.parse(Path(verify_audit.__file__).read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
        )
    }
    assert imported - sys.stdlib_module_names == {"cryptography"}


def test_it_needs_cryptography_alone(bare: Path, copied: Path, honest: Path):
    give_cryptography(copied)
    answer = run(bare, copied, str(honest), "--key", KEY, "--json")
    assert answer.returncode == 0, answer.stderr
    report = json.loads(answer.stdout)
    assert (report["verdict"], report["records"]) == ("intact", 42)


def test_without_cryptography_it_says_what_to_do(bare: Path, copied: Path, honest: Path):
    answer = run(bare, copied, str(honest))
    assert answer.returncode != 0
    assert "pip install cryptography" in answer.stderr
    assert answer.stdout == ""


def test_what_is_no_export_is_refused_in_a_sentence(tmp_path: Path):
    (tmp_path / "nothing.zip").write_bytes(b"PK")
    for path in (tmp_path / "nothing.zip", tmp_path / "absent", tmp_path):
        command = [sys.executable, verify_audit.__file__, str(path)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        assert answer.returncode == 2
        assert answer.stderr.startswith("It could not be verified")
        assert "Traceback" not in answer.stderr
