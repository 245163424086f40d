"""A source on its whole way and back, with a bridge: gates, policy, write-backs, certificates."""

import base64
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from contentserver import runtime
from contentserver.catalog.services import create_collection
from migrator.legacy import capture
from migrator.legacy.changes import ChangeLog
from migrator.models import Application, CutOver, DailyReads, Source, Verification
from migrator.sync.plant import Plant
from tests.support.bridge import RunningBridge, database_url
from tests.support.catalog import Library
from tests.support.legacy import LegacyTables, legacy_database
from tests.support.plane import REPOSITORY, Home

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


class Way:
    """A home with a bridge, a legacy database with triggers, and the source between them."""

    def __init__(self, home: Home, bridge: RunningBridge, tables: LegacyTables) -> None:
        self.home, self.bridge, self.tables = home, bridge, tables
        self.library = Library(home)
        secrets = home.folder / "secrets" / "legacy"
        secrets.mkdir(parents=True, exist_ok=True)
        address = secrets / "photos.dsn"
        address.touch(mode=0o600)
        address.write_text(tables.url)
        create_collection(actor="test", name="photos", rules={"erasure": "none"})
        self.source = Source.objects.create(
            name="photos", description=tables.description.to_mapping()
        )
        capture.install(tables.connection, tables.description)

    def bring(self, *records: int) -> None:
        journal = runtime.open_journal(self.home.config)
        journal.start()
        try:
            importer = Plant(self.home.config, self.library.store, journal).importer(
                self.tables.description
            )
            ids = [self.tables.id(record) for record in records]
            outcomes = importer.bring(self.tables.connection, ids, only_missing=False)
            assert {one.what for one in outcomes} <= {"imported", "deleted"}
        finally:
            journal.close()

    def verify(self) -> dict[str, Any]:
        out = StringIO()
        call_command("legacy_verify", "photos", "--json", stdout=out, stderr=StringIO())
        found: dict[str, Any] = json.loads(out.getvalue())
        return found

    def cutover(self, *options: str) -> dict[str, Any]:
        out = StringIO()
        try:
            call_command(
                "cutover", "photos", "--yes", "--json", "--patience=5", *options,
                stdout=out, stderr=StringIO(),
            )  # fmt: skip
        except CommandError as refused:
            if not out.getvalue():
                raise
            return {**json.loads(out.getvalue()), "refused": str(refused)}
        found: dict[str, Any] = json.loads(out.getvalue())
        return found

    def closed(self, *options: str) -> set[str]:
        """The gates that hold the next step back; nothing is changed."""
        gates = self.cutover("--dry-run", *options)["gates"]
        return {gate["gate"] for gate in gates if not gate["passed"]}

    def published(self) -> dict[str, Any]:
        """The source as the signed policy carries it."""
        file = runtime.policy_file(self.home.config, runtime.data_keyset(self.home.config))
        (found,) = file.current().payload["attached"]["sources"]
        return dict(found)


@pytest.fixture
def way(tmp_path: Path, settings: Any) -> Iterator[Way]:
    home = Home(tmp_path / "home", CONTENTSERVER_NODE=f"node-{uuid.uuid4().hex[:12]}")
    home.config.policy.unlink()
    settings.CONFIG = home.config
    bridge = RunningBridge(home, database_url())
    with legacy_database() as url, LegacyTables(url, name="photos") as tables:
        made = Way(home, bridge, tables)
        try:
            bridge.start()
            bridge.wait_until(home.config.policy.exists)
            yield made
        finally:
            bridge.kill()
            made.library.close()
            capture.remove(tables.connection, tables.description)


def test_a_source_goes_its_way_and_back(way: Way, tmp_path: Path) -> None:
    now = timezone.now
    for number in range(1, 6):
        way.tables.put(number, b"content %d" % number, changed_at=now())
    way.bring(*range(1, 6))

    # legacy -> shadow -> hybrid
    assert way.cutover()["published_after"] < 2
    assert way.published()["mode"] == "shadow"
    assert way.closed() == {"backfill", "verification", "differences", "shadow_reads"}
    assert "refused" in way.cutover()
    assert way.published()["mode"] == "shadow"
    Source.objects.update(backfill_finished_at=now(), sync_enabled=True)
    digest = way.verify()["digest"]
    DailyReads.objects.create(source=way.source, day=now().date(), compared=1000)
    assert way.closed() == set()
    with way.tables.connection.transaction():
        way.tables.connection.execute("SELECT pg_current_xact_id()")
        assert way.closed("--patience=0.2") == {"horizon"}
    way.tables.put(6, b"late", changed_at=now())
    assert way.closed("--patience=0.2") == {"backlog_before"}
    way.bring(6)
    assert way.cutover()["to"] == "hybrid"

    # hybrid -> writeback: its writers first
    assert way.closed() == {"writers"}
    writer = Application.objects.create(source=way.source, name="portal", writes=True)
    assert way.closed() == {"writers"}
    Application.objects.filter(pk=writer.pk).update(switched_at=now())
    assert way.cutover()["to"] == "writeback"
    assert (way.published()["mode"], way.published()["collect"]) == ("writeback", True)
    assert not Source.objects.get().sync_enabled

    # the first commit after the policy is out is written back
    way.library.put("7.jpg", b"written here")
    way.bridge.wait_until(lambda: way.tables.content(7) == b"written here")
    assert ChangeLog(way.tables.connection, "photos").status().events == 0

    # a change of others closes both ways until a person has decided
    way.tables.put(1, b"of others")
    way.bridge.wait_until(lambda: way.source.alarms.filter(settled_at=None).exists())
    assert "alarms" in way.closed("--rollback")
    way.source.alarms.update(decision="keep_ours")
    way.bridge.wait_until(lambda: way.tables.content(1) == b"content 1")
    way.bridge.wait_until(lambda: not way.source.alarms.filter(settled_at=None).exists())

    # writeback -> disk -> back to legacy, step by step; what disk kept is delivered first
    assert way.closed() == set()
    assert way.cutover()["to"] == "disk"
    way.library.put("8.jpg", b"only on disk")
    way.bridge.wait_until(lambda: bool(list(way.library.store.outbox.iter_entries(KEPT))))
    assert way.tables.content(8) is None
    assert way.cutover("--rollback")["to"] == "writeback"
    way.bridge.wait_until(lambda: way.tables.content(8) == b"only on disk")
    way.bridge.wait_until(lambda: way.closed("--rollback") == set())
    assert way.cutover("--rollback")["to"] == "hybrid"
    assert Source.objects.get().sync_enabled
    assert Application.objects.get(pk=writer.pk).switched_at is None
    assert way.published()["collect"]  # what a process took under the older policy
    assert [way.cutover("--rollback")["to"] for _ in range(2)] == ["shadow", "legacy"]
    with pytest.raises(CommandError, match="nothing further back"):
        way.cutover("--rollback")

    # each step has its certificate, which anybody can check
    way.bridge.wait_until(lambda: not CutOver.objects.filter(signed_at=None).exists())
    assert CutOver.objects.count() == 8
    to_hybrid = CutOver.objects.get(from_mode="shadow", to_mode="hybrid")
    file = way.home.config.published / "certificates" / f"photos-{to_hybrid.pk}.json"
    document = json.loads(file.read_text())
    assert document == to_hybrid.certificate
    said = document["payload"]
    assert said["verification"]["digest"] == digest
    assert int(said["horizon"]) > 0
    assert all(gate["passed"] for gate in said["gates"])
    keys = StringIO()
    call_command("legacy_certificate", "--keys", stdout=keys)
    key_id, public = keys.getvalue().split()
    assert key_id == document["key_id"]
    assert check_offline(file, public).returncode == 0
    other = base64.b64encode(bytes(32)).decode()
    assert check_offline(file, other).returncode == 1
    forged = tmp_path / "forged.json"
    forged.write_text(file.read_text().replace('"hybrid"', '"disk"'))
    assert check_offline(forged, public).returncode == 1
    with pytest.raises(CommandError, match="not valid"):
        call_command("legacy_certificate", str(forged))
    call_command("legacy_certificate", str(file), stdout=StringIO())

    page = StringIO()
    call_command("cutover", "photos", "--certificate", str(to_hybrid.pk), "--format=html",
                 stdout=page)  # fmt: skip
    assert digest in page.getvalue()
    assert "<script" not in page.getvalue()


KEPT = "writeback-photos"


def check_offline(file: Path, public: str) -> "subprocess.CompletedProcess[bytes]":
    """In a process that has no way to the product."""
    script = REPOSITORY / "docs" / "verify_certificate.py"
    return subprocess.run(
        [sys.executable, "-I", str(script), str(file), "--key", public],
        cwd=file.parent, env={}, capture_output=True, check=False,
    )  # fmt: skip


def test_final_has_no_way_back(way: Way) -> None:
    Source.objects.update(mode="disk")
    assert way.closed("--to=disk", "--final") == {"writers", "readers"}
    Application.objects.create(
        source=way.source, name="portal", writes=True, switched_at=timezone.now()
    )
    assert way.cutover("--to=disk", "--final")["applied"]
    assert (way.published()["final"], way.published()["collect"]) == (True, False)
    for options in (("--rollback",), ("--to=writeback",), ()):
        with pytest.raises(CommandError):
            way.cutover(*options)


@pytest.mark.slow
def test_a_killed_verification_goes_on(way: Way) -> None:
    """By SIGKILL, as often as it takes; the figures are those of one that was left alone."""
    for number in range(1, 1501):
        way.tables.put(number, b"%d" % number)
    way.tables.execute('DELETE FROM contentserver_capture."photos_changes"')
    kills = 0
    while not Verification.objects.filter(finished_at__isnull=False).exists():
        seen = max(Verification.objects.values_list("compared", flat=True), default=0)
        process = subprocess.Popen(
            [sys.executable, "manage.py", "legacy_verify", "photos", "--resume", "--json"],
            cwd=REPOSITORY, env=way.bridge.environment, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None:
            if kills < 3 and Verification.objects.filter(compared__gt=seen).exists():
                process.kill()
                kills += 1
            time.sleep(0.02)
        process.wait()
    done = Verification.objects.get()
    assert kills == 3
    assert (done.compared, done.missing_here, done.equal) == (1500, 1500, 0)
    assert done.differences.count() == 1500
