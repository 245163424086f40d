"""What is written back into legacy is no change that anybody imports again."""

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from django.utils import timezone

from migrator.models import Alarm, Source
from skold.journal_reader import WriterReader, iter_writers
from tests.support.draining import contents
from tests.support.draining.contents import State
from tests.support.draining.drain import Drain, draining, wait_until
from tests.support.draining.equality import compare
from tests.support.draining.ledger import SOURCES
from tests.support.servers import TestPostgres

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 4


def test_a_hundred_write_backs_cause_no_import(tmp_path: Path, legacy: TestPostgres) -> None:
    write_back(tmp_path, legacy, writes=100, records=12)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_write_backs_cause_no_import(tmp_path: Path, legacy: TestPostgres) -> None:
    write_back(tmp_path, legacy, writes=10_000, records=1_500)


def write_back(folder: Path, legacy: TestPostgres, *, writes: int, records: int) -> None:
    """Half of the records are legacy's own; the sync is there all the time, and free to work in the
    end.
    """
    with draining(folder, legacy, writers=0, records=records) as drain:
        for source in SOURCES:
            for record in range(0, records, 2):
                state = State(source, record, 0, "legacy")
                content = contents.make(state, 500)
                drain.application.tables[source].put(record, content, changed_at=timezone.now())
        drain.start(longest=0.0, importers=False)
        drain.enter("hybrid")
        drain.wait_until_quiet(90.0 + records / 20)
        drain.enter("writeback")
        drain.home.start()
        before = audit(drain)
        put_all(drain, writes)
        wait_until(lambda: not missed(drain), 150.0 + writes / 20, lambda: str(missed(drain)[:5]))
        assert drain.application.waiting() == dict.fromkeys(SOURCES, 0)
        Source.objects.update(caught_up_at=None)
        drain.enter("hybrid")
        wait_until(is_caught_up, 90.0, "the sync does not look into the logs")
        after = audit(drain)
        findings = compare(drain)
        print(f"\n{writes} writes: {dict(after - before)}, {len(findings.missed)} differ")
        assert (findings.missed, findings.wrong) == ([], [])
        assert after["import"] == before["import"]
        assert after["write_back"] - before["write_back"] >= 0.5 * min(writes, 3 * records)
        assert not Alarm.objects.exists()


def put_all(drain: Drain, writes: int) -> None:
    """By HTTP, each record's by one thread, so that their order is known; some deletes."""

    def work(thread: int) -> None:
        headers = {"Authorization": f"Bearer {drain.api_key}"}
        with httpx.Client(base_url=drain.home.url, headers=headers, timeout=30.0) as http:
            chance = random.Random(thread)
            for number in range(1, writes // THREADS + 1):
                source = chance.choice(SOURCES)
                record = chance.randrange(thread, drain.ledger.records, THREADS)
                path = f"/v1/content/{source}/{record}.jpg"
                state = State(source, record, number, f"put-{thread}")
                facts = {
                    "Content-Type": chance.choice(("image/png", "application/pdf")),
                    "Content-Disposition": f'attachment; filename="{record}-{number}.jpg"',
                }
                content = contents.make(state, contents.random_size(chance))
                assert http.put(path, content=content, headers=facts).status_code == 201
                if chance.random() < 0.1:
                    assert http.delete(path).status_code in {200, 204}

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, range(THREADS)))


def missed(drain: Drain) -> list[str]:
    return compare(drain).missed


def is_caught_up() -> bool:
    return not Source.objects.filter(caught_up_at=None).exists()


def audit(drain: Drain) -> Counter[str]:
    """How often each reason led to a request of the migrator's."""
    found: Counter[str] = Counter()
    for folder in drain.home.config.journal_dirs:
        for writer in iter_writers(folder):
            reader = WriterReader(folder, writer)
            while frames := reader.read():
                fields = [json.loads(json.dumps(frame.fields)) for frame in frames]
                found.update(
                    one["reason"]
                    for one in fields
                    if one["kind"] == "req" and one.get("plane") == "migrator"
                )
    return found
