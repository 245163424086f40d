"""An export over HTTP: bounded, guarded, recorded, and good to the auditor's verifier."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings

from contentserver import checkpoint_keys, runtime
from skold.ledger.copier import Copier
from skold.verifier import verify_audit
from tests.integration.skold.test_tree_api import Signed

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

Api = Callable[..., Any]


@pytest.fixture
def signed(plane: "Control", conninfo: str) -> Iterator[Signed]:
    """Twelve accesses of two collections, under a checkpoint and in PostgreSQL."""
    made = Signed(plane)
    for number in range(12):
        collection = "photos" if number % 2 else "documents"
        body = {"id": f"r-{number}", "plane": "data", "action": "read", "decision": "allow"}
        body |= {"client": "portal", "collection": collection}
        asked = made.journal.append("req", body, {"key": f"{number}.jpg", "end_user": "anna"})
        made.journal.append("done", {"status": 200, "outcome": "served"}, ref=asked).wait(9)
    while made.sequencer.step():
        pass
    copier = Copier(made.config.ledger, made.config.node, conninfo)
    while copier.step():
        pass
    copier.close()
    yield made
    made.close()


@pytest.fixture
def auditor(plane: "Control") -> str:
    return plane.client("auditor", ["audit"])


def export(api: Api, key: str, query: str, tmp_path: Path, **given: Any) -> Path:
    answer = api("post", f"audit/export?{query}", key, given)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/zip"
    output = tmp_path / "export.zip"
    output.write_bytes(b"".join(answer.streaming_content))
    return output


def verify(plane: "Control", output: Path) -> int:
    keys = checkpoint_keys.verifiers(plane.config, runtime.data_keyset(plane.config))
    return verify_audit.main([str(output), "--key", str(keys[0])])


def test_what_the_filters_leave_verifies(
    signed: Signed, plane: "Control", api: Api, auditor: str, tmp_path: Path
) -> None:
    output = export(api, auditor, "client=portal&collection=photos", tmp_path, format="csv")
    assert verify(plane, output) == 0
    with zipfile.ZipFile(output) as file:
        lines = file.read("records.csv").decode().splitlines()
    assert len(lines) == 1 + 6 * 2  # each request with its end
    assert all("documents" not in line for line in lines)


def test_it_is_recorded(
    signed: Signed, plane: "Control", api: Api, auditor: str, tmp_path: Path
) -> None:
    export(api, auditor, "client=portal", tmp_path)
    (record,) = [r for r in plane.records("req") if r.get("resource") == "audit-export"]
    assert (record["action"], record["decision"], record["client"]) == ("audit", "allow", "auditor")
    assert "client=portal" in record["personal"]["path"]


def test_a_grant_for_one_collection_reaches_no_other(
    signed: Signed, plane: "Control", api: Api, tmp_path: Path
) -> None:
    key = plane.client("clinic", ["audit"], collection="photos")
    assert api("post", "audit/export", key, {}).status_code == 404
    assert api("post", "audit/export?collection=documents", key, {}).status_code == 404
    with zipfile.ZipFile(export(api, key, "collection=photos", tmp_path)) as file:
        assert b"documents" not in file.read("leaves.bin")


def test_a_misspelt_filter_is_refused(signed: Signed, api: Api, auditor: str) -> None:
    answer = api("post", "audit/export?cleint=portal", auditor, {})
    assert answer.status_code == 400
    assert "cleint" in answer.json()["errors"]


def test_it_is_bounded(signed: Signed, api: Api, auditor: str) -> None:
    with override_settings(SKOLD_EXPORT_LIMIT=11):
        answer = api("post", "audit/export?client=portal", auditor, {})
    assert answer.status_code == 400
    assert "more than 11 accesses" in answer.json()["errors"]["since"][0]


def test_without_private_parts_nobody_is_named(
    signed: Signed, plane: "Control", api: Api, auditor: str, tmp_path: Path
) -> None:
    output = export(api, auditor, "client=portal", tmp_path, private=False)
    assert verify(plane, output) == 0
    with zipfile.ZipFile(output) as file:
        assert not any(b"anna" in file.read(name) for name in file.namelist())
