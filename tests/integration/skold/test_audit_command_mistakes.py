"""What verify_audit and export_audit say to arguments that no ledger can answer."""

from pathlib import Path

import pytest
from django.core.management import CommandError

from tests.integration.skold.test_tree_api import Signed
from tests.integration.skold.test_verification_commands import run, signed

__all__ = ["signed"]  # the fixture


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "2027-01-01", "--to", "2026-01-01"], "--from must lie before --to"),
        (["--file", "photos"], "--file takes COLLECTION/KEY"),
        (["--consistent-with", "0"], "a number from 1"),
        (["--consistent-with", "999999"], "999999 is more than the 41 records"),
    ],
)
def test_an_export_that_cannot_be_meant_is_refused(
    signed: Signed, tmp_path: Path, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run("export_audit", *arguments, "--output", str(tmp_path / "new.zip"))
    assert not list(tmp_path.glob("*new.zip*"))


def test_a_leaf_that_is_not_there_yet_is_refused(signed: Signed) -> None:
    with pytest.raises(CommandError, match="only 41 records") as failed:
        run("verify_audit", "--since", "99999999")
    assert failed.value.returncode == 2
