"""The bridge carries every fact exactly once, and survives what it stands between."""

import random
import subprocess
import time

import pytest

from contentserver import runtime
from contentserver.catalog.models import File, LayoutRequest, StorageRoot, StoredVersion, Year
from contentserver.catalog.services import create_collection
from contentserver.operations.layout_sync import request_year
from contentserver.store.address import Version
from contentserver.store.metadata import Metadata
from contentserver.store.results import Receipt
from skold.journal import Journal
from skold.models import AuditRecord, LedgerMark
from skold.policy import Policy
from skold.signed import PolicyMissing
from tests.support.bridge import RunningBridge
from tests.support.catalog import Library, numbers
from tests.support.plane import REPOSITORY

pytestmark = pytest.mark.django_db(transaction=True)


def records(library: Library, count: int) -> None:
    """As many audit records of a data-plane process."""
    journal = Journal(library.home.config.journal_dirs, library.node)
    journal.start()
    for number in range(count):
        body = {"id": f"request-{number}", "plane": "data", "action": "read", "decision": "allow"}
        ticket = journal.append("req", body, {"network": "192.0.2.1"})
    ticket.wait(5)
    journal.close()


def audited(library: Library) -> int:
    return AuditRecord.objects.filter(node=library.node, kind="req").count()


def published(library: Library) -> Policy | None:
    keyset = runtime.data_keyset(library.home.config)
    try:
        document = runtime.policy_file(library.home.config, keyset).current()
    except PolicyMissing:
        return None
    return Policy.from_payload(document.payload)


def test_a_stored_file_is_in_the_catalog_within_a_second_or_two(
    bridge: RunningBridge, library: Library
) -> None:
    bridge.start()
    bridge.wait_until(lambda: bool(bridge.status()))
    library.put("a")
    began = time.monotonic()
    bridge.wait_until(lambda: File.objects.filter(key="a").exists())
    assert time.monotonic() - began < 2.0
    bridge.wait_until(lambda: set(bridge.status()["outbox"].values()) == {None})


def test_a_new_collection_reaches_the_policy_file(bridge: RunningBridge, library: Library) -> None:
    bridge.start()
    bridge.wait_until(lambda: published(library) is not None)
    create_collection(actor="test", name="xrays", rules={"max_size": 5})
    began = time.monotonic()

    def has_it() -> bool:
        policy = published(library)
        return policy is not None and "xrays" in policy.collections

    bridge.wait_until(has_it)
    assert time.monotonic() - began < 2.0


def test_audit_records_arrive_once_and_are_numbered_without_postgresql(
    bridge: RunningBridge, library: Library
) -> None:
    records(library, 300)
    bridge.start()
    bridge.wait_until(lambda: audited(library) == 300)
    leaves = list(
        AuditRecord.objects.filter(node=library.node)
        .order_by("leaf_index")
        .values_list("leaf_index", flat=True)
    )
    assert leaves == list(range(len(leaves)))
    assert LedgerMark.objects.get(node=library.node).next_leaf == len(leaves)
    loops = lambda: bridge.status()["loops"]  # noqa: E731
    bridge.wait_until(lambda: loops()["audit"]["facts"] == {"copied": len(leaves)})
    assert loops()["ledger"]["facts"]["leaves"] == len(leaves)


def test_it_ends_within_five_seconds_of_sigterm(bridge: RunningBridge) -> None:
    bridge.start()
    bridge.wait_until(lambda: bool(bridge.status()))
    assert bridge.stop() < 5.0


def test_a_second_bridge_of_the_same_home_refuses_to_start(bridge: RunningBridge) -> None:
    bridge.start()
    bridge.wait_until(lambda: bool(bridge.status()))
    second = subprocess.run(
        bridge.process.args,  # type: ignore[union-attr]
        cwd=REPOSITORY,
        env=bridge.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "another bridge" in second.stderr


def test_killed_at_random_it_brings_every_version_and_record_exactly_once(
    bridge: RunningBridge, library: Library
) -> None:
    chance = random.Random(20261123)
    expected = 0
    for _ in range(6):
        bridge.start()
        records(library, 40)
        stop = time.monotonic() + 0.8 + chance.random()
        while time.monotonic() < stop:
            library.put(f"file-{expected}", str(expected).encode())
            expected += 1
            time.sleep(0.004)
        bridge.kill()
    bridge.start()
    bridge.wait_until(lambda: StoredVersion.objects.count() == expected, 60)
    bridge.wait_until(lambda: audited(library) >= 240, 60)
    bridge.stop()

    assert numbers(library.node) == list(range(1, expected + 1))
    assert library.rebuild().check().equal
    leaves = AuditRecord.objects.filter(node=library.node).values_list("leaf_index", flat=True)
    assert sorted(leaves) == list(range(LedgerMark.objects.get(node=library.node).next_leaf))
    assert audited(library) == 240


def test_a_year_asked_for_is_opened_in_the_file_and_shown_from_it(
    bridge: RunningBridge, library: Library
) -> None:
    bridge.start()
    bridge.wait_until(Year.objects.exists)
    this_year = Year.objects.get().year
    asked = request_year(actor="test", year=this_year + 1, root="root-1")
    bridge.wait_until(lambda: Year.objects.count() == 2)
    bridge.wait_until(lambda: LayoutRequest.objects.get(pk=asked.pk).answered_at is not None)
    assert library.layout()["years"][str(this_year + 1)] == [{"root": "root-1", "state": "open"}]
    keyset = runtime.data_keyset(library.home.config)
    assert keyset.newest_year_key(this_year + 1)[0] == (this_year + 1) * 1000 + 1
    assert StorageRoot.objects.get().name == "root-1"
    number = LayoutRequest.objects.get(pk=asked.pk).layout_number
    since = dict(Year.objects.values_list("year", "layout_number"))
    assert since == {this_year: number - 1, this_year + 1: number}


def test_an_earlier_year_takes_imports_once_its_folder_and_key_are_there(
    bridge: RunningBridge, library: Library
) -> None:
    bridge.start()
    asked = request_year(actor="test", year=2019, root="root-1", importing=True)
    bridge.wait_until(lambda: LayoutRequest.objects.get(pk=asked.pk).answered_at is not None)
    assert LayoutRequest.objects.get(pk=asked.pk).refusal == ""
    assert library.layout()["years"]["2019"] == [{"root": "root-1", "state": "importing"}]
    assert Year.objects.get(year=2019).state == "importing"
    assert runtime.data_keyset(library.home.config).newest_year_key(2019)[0] == 2019001
    assert library.store.problems() == []
    metadata = Metadata(
        collection="photos", key="old", original_time="2019-05-01T10:00:00.000000Z", source="old:1"
    )
    draft = library.store.imports.begin(metadata, library.store.imports.note("photos", "old"))
    draft.write(b"old")
    (receipt,) = library.store.imports.commit([draft])
    assert isinstance(receipt, Receipt)
    assert receipt.version == Version(2019, 1)
    bridge.wait_until(lambda: StoredVersion.objects.filter(file__key="old", imported=True).exists())


def test_a_year_on_an_unknown_root_is_refused_with_the_reason(
    bridge: RunningBridge, library: Library
) -> None:
    bridge.start()
    asked = request_year(actor="test", year=2020, root="nowhere")
    bridge.wait_until(lambda: LayoutRequest.objects.get(pk=asked.pk).answered_at is not None)
    assert "root-1" in LayoutRequest.objects.get(pk=asked.pk).refusal
    assert "2020" not in library.layout()["years"]
