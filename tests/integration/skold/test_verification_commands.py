"""verify_audit and export_audit as run at the terminal, and the task of each night."""

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from contentserver import checkpoint_keys, runtime
from contentserver.operations.verification import VerificationLoop, verify_if_due
from contentserver.store.address import address_of
from skold.ledger.bundles import bundle_path
from skold.models import Finding
from skold.verifier import verify_audit
from tests.integration.skold.test_tree_api import Signed

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def signed(plane: "Control", settings: Any) -> Iterator[Signed]:
    """Accesses to two files of the archive, signed; the commands work on this home."""
    settings.CONFIG = plane.config
    made = Signed(plane)
    naming = runtime.data_keyset(plane.config).naming
    for number in range(20):
        key = f"photo-{number % 2}.jpg"
        body = {"id": f"r-{number}", "client": "campus", "action": "read"}
        body["address"] = address_of(naming, "photos", key).hex()
        asked = made.journal.append("req", body, {"key": key, "end_user": "anna"})
        made.journal.append("done", {"status": 200}, ref=asked).wait(9)
    while made.sequencer.step():
        pass
    yield made
    made.close()


def run(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


def change_a_bundle(signed: Signed) -> None:
    (bundle,) = (signed.config.ledger / "tile/entries" / f"{bundle_path(0)}.p").glob("41")
    bundle.write_bytes(bundle.read_bytes().replace(b'"campus"', b'"kampus"', 1))


def key_of(plane: "Control") -> str:
    return str(checkpoint_keys.verifiers(plane.config, runtime.data_keyset(plane.config))[0])


def test_an_honest_ledger_is_intact_and_the_act_recorded(signed: Signed, plane: "Control") -> None:
    said = json.loads(run("verify_audit", "--json"))
    assert (said["verdict"], said["records"], said["key_confirmed"]) == ("intact", 41, True)
    (asked,) = (r for r in plane.records("req") if r.get("resource") == "audit-verification")
    assert asked["personal"]["end_user"].startswith("command:")


def test_tampering_ends_with_1_and_asks_somebody_to_look(signed: Signed) -> None:
    change_a_bundle(signed)
    with pytest.raises(CommandError, match="not intact") as failed:
        run("verify_audit", "--full")
    assert failed.value.returncode == 1
    finding = Finding.objects.get()
    assert (finding.rule, finding.severity, finding.node) == ("verification", "alarm", "node-1")
    assert finding.facts["codes"]["edited"] == 1
    with pytest.raises(CommandError):
        run("verify_audit", "--full")
    assert Finding.objects.count() == 1


def test_the_task_verifies_once_a_day_and_shows_a_failure(signed: Signed) -> None:
    config = signed.config
    assert "INTACT" in verify_if_due(config, NOW)
    assert verify_if_due(config, NOW + dt.timedelta(hours=1)) == "not due"
    loop = VerificationLoop(config)
    loop()
    assert loop.facts()["alarms"] == []
    signed.grow(3)
    change_a_bundle_of_later(signed)
    assert "NOT INTACT" in verify_if_due(config, NOW + dt.timedelta(days=1))
    loop()
    facts = loop.facts()
    assert len(facts["alarms"]) == 1
    gauges: dict[str, Any] = {name: samples for name, _text, _labels, samples in facts["gauges"]}
    assert gauges["contentserver_audit_verification_failed"] == [[[], 1.0]]
    assert Finding.objects.filter(rule="verification").count() == 1


def change_a_bundle_of_later(signed: Signed) -> None:
    folder = signed.config.ledger / "tile/entries" / f"{bundle_path(0)}.p"
    newest = max(folder.iterdir(), key=lambda path: int(path.name))
    newest.write_bytes(newest.read_bytes().replace(b'"id":"r-2"', b'"id":"r-9"', 5))


def test_nothing_signed_is_no_failure(plane: "Control") -> None:
    assert verify_if_due(plane.config, NOW) == "nothing is signed yet"


def test_an_export_of_a_file_verifies(signed: Signed, plane: "Control", tmp_path: Path) -> None:
    output = tmp_path / "one"
    arguments = ("--file", "photos/photo-1.jpg", "--format", "csv", "--output", str(output))
    said = json.loads(run("export_audit", *arguments, "--json"))
    assert (said["kind"], said["records"]) == ("selection", 20)
    assert verify_audit.main([str(output), "--key", key_of(plane)]) == 0
    with open(output / "records.csv", newline="") as file:
        assert {row["key"] for row in csv.DictReader(file) if row["kind"] == "req"} == {
            "photo-1.jpg"
        }
    (asked,) = (r for r in plane.records("req") if "export" in r.get("resource", ""))
    assert asked["action"] == "audit"
    assert "photo" not in asked["resource"]  # names of files stand in private parts alone


def test_an_export_of_a_time_is_counted_first(signed: Signed, tmp_path: Path) -> None:
    said = json.loads(run("export_audit", "--from", "2020-01-01", "--dry-run", "--json"))
    assert (said["kind"], said["records"], said["size"]) == ("period", 41, 41)
    assert (
        json.loads(run("export_audit", "--to", "2020-01-01", "--dry-run", "--json"))["records"] == 0
    )
    with pytest.raises(CommandError, match="--output"):
        run("export_audit")
    with pytest.raises(CommandError, match="no day"):
        run("export_audit", "--from", "yesterday", "--dry-run")
