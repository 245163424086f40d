"""Proofs and exports on the screen: verified, taken away, and honest about what is missing."""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from contentserver import runtime
from contentserver.checkpoint_keys import verifiers
from skold.verifier import verify_audit

if TYPE_CHECKING:
    from tests.integration.skold.review.conftest import Reviewed

pytestmark = pytest.mark.django_db


def page(browser: Browser, name: str, *args: str) -> str:
    answer = browser.get(reverse(f"admin:skold_{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_proof_is_verified_and_shown(reviewed: "Reviewed", auditor: Browser) -> None:
    for _ in range(5):
        reviewed.access()
    reviewed.settle()
    answer = auditor.get(reverse("admin:skold_auditrecord_proof", args=["node-1:3"]))
    proof = answer.context["proof"]
    assert proof.steps[-1].result == proof.root
    known = verifiers(reviewed.config, runtime.data_keyset(reviewed.config))
    assert proof.key_ids == [verifier.key_id.hex() for verifier in known]
    assert "verified here just now" in answer.content.decode()
    given = auditor.get(
        reverse("admin:skold_auditrecord_proof", args=["node-1:3"]), {"download": ""}
    )
    assert given.content.decode().startswith("c2sp.org/tlog-proof@v1\nindex 3\n")


def test_a_changed_copy_is_named(reviewed: "Reviewed", auditor: Browser) -> None:
    from django.db import connection

    reviewed.access()
    reviewed.settle()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE skold_audit SET body = %s WHERE leaf_index = 1", [b"{}"])
    assert "somebody has changed the copy" in page(auditor, "auditrecord_proof", "node-1:1")


def test_a_record_that_is_not_yet_signed_says_so(reviewed: "Reviewed", auditor: Browser) -> None:
    reviewed.access()
    reviewed.settle()
    reviewed.rows.access(timezone.now())  # PostgreSQL is ahead of the checkpoint
    last = f"node-1:{reviewed.rows.leaves - 1}"
    assert "not yet under a checkpoint" in page(auditor, "auditrecord_proof", last)


def test_the_export_of_the_screen_verifies(
    reviewed: "Reviewed", auditor: Browser, tmp_path: Path
) -> None:
    for number in range(6):
        reviewed.access({"key": f"{number}.jpg"}, client=f"client-{number % 2}")
    reviewed.settle()
    url = reverse("admin:skold_auditrecord_export") + "?client=client-1"
    assert auditor.get(url).context["records"] == 6, "three accesses, two records each"
    answer = auditor.post(url, {"format": "jsonl", "private": "on"})
    raw = b"".join(answer.streaming_content)
    path = tmp_path / "audit.zip"
    path.write_bytes(raw)
    (key,) = verifiers(reviewed.config, runtime.data_keyset(reviewed.config))
    command = [sys.executable, verify_audit.__file__, str(path), "--key", str(key)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    request = reviewed.plane.records("req")[-1]
    assert (request["resource"], request["method"]) == ("skold_auditrecord_export", "POST")
    assert "client=client-1" in request["personal"]["path"]
    assert reviewed.plane.records("done")[-1]["records"] == 6


def test_an_export_that_is_cut_says_so(
    reviewed: "Reviewed", auditor: Browser, settings: Any
) -> None:
    settings.SKOLD_EXPORT_LIMIT = 2
    for _ in range(4):
        reviewed.access()
    reviewed.settle()
    shown = page(auditor, "auditrecord_export")
    assert "cut off and holds the newest" in shown
