"""What is written here reaches legacy once it is durable, and never over a change of others."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from contentserver.catalog.services import create_collection
from migrator.models import Alarm, Source
from migrator.published import BOX
from migrator.services.acts import decide
from migrator.writeback import plant, source_work
from migrator.writeback.consumer import WriteBack
from migrator.writeback.waiting import count_waiting, kept_box
from tests.support.moving import Moving, moving
from tests.support.moving_sources import carry, make_source, writeback
from tests.support.stores import put

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(60)]


class Written:
    """A source in mode writeback, and its loop."""

    def __init__(self, here: Moving, folder: Path) -> None:
        create_collection(actor="test", name="photos", rules={"erasure": "none"})
        self.here = here
        self.source = make_source(here, mode=Source.Mode.WRITEBACK)
        self.folder = folder
        self.loop = self.new_loop()

    def new_loop(self) -> WriteBack:
        self.loop = writeback(self.here, self.folder)
        return self.loop

    def put(self, record: int, body: bytes, **facts: str) -> None:
        put(self.here.store, body, key=self.here.tables.key(record), **facts)

    def step(self) -> None:
        """What the bridge does until there is no more to do at once."""
        carry(self.here, BOX)
        self.loop._rests._until.clear()
        for work in self.loop._work.values():
            work._rests._until.clear()
            work._watched = float("-inf")
        while self.loop.step():
            pass

    def waiting(self, box: str = BOX) -> int:
        return len(list(self.here.store.outbox.iter_entries(box)))

    def alarms(self) -> list[tuple[str, str]]:
        rows = Alarm.objects.filter(source=self.source, settled_at=None).order_by("pk")
        return [(row.kind, row.key) for row in rows]

    def mode(self, mode: str, **facts: object) -> None:
        Source.objects.filter(pk=self.source.pk).update(mode=mode, **facts)
        self.source.refresh_from_db()


@pytest.fixture
def written(tmp_path: Path, legacy_url: str) -> Iterator[Written]:
    with moving(tmp_path, legacy_url, patience=1.0) as here:
        yield Written(here, tmp_path / "home")


def test_the_latest_reaches_legacy_in_its_own_format(written: Written) -> None:
    written.put(1, b"first", filename="a.jpg", media_type="image/png")
    written.put(1, b"second", filename="b.jpg", media_type="image/png")
    assert count_waiting(written.here.store, written.source) == 2
    written.step()
    assert written.here.tables.content(1) == b"second"
    facts = written.here.tables.facts(1)
    assert facts is not None
    assert (facts["filename"], facts["mime"], facts["size"]) == ("b.jpg", "image/png", 6)
    assert written.waiting() == count_waiting(written.here.store, written.source) == 0


def test_a_delete_here_is_a_delete_there(written: Written) -> None:
    written.put(1, b"first")
    written.step()
    written.here.store.delete("photos", "1.jpg", actor="tester")
    written.step()
    assert written.here.tables.content(1) is None


@pytest.mark.parametrize(
    "count", [40, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])]
)
def test_write_backs_are_no_changes_of_others(written: Written, count: int) -> None:
    for number in range(1, count + 1):
        written.put(number, b"%d" % number)
    written.step()
    for number in range(1, 21):
        written.put(number, b"again %d" % number)
    written.step()
    assert written.here.tables.execute("SELECT count(*) FROM {photo}").fetchone() == (count,)
    assert written.here.pending() == set()
    assert written.alarms() == []
    assert written.here.tables.content(20) == b"again 20"
    assert len(written.here.versions(20)) == 2


def test_imports_and_files_of_others_are_dropped(written: Written) -> None:
    written.here.tables.put(1, b"from legacy")
    written.here.bring(1)
    put(written.here.store, b"somebody else's", key="cards/1.pdf")
    written.step()
    assert written.waiting() == 0
    assert written.here.tables.content(1) == b"from legacy"


def test_a_change_of_others_is_never_overwritten_before_a_person_decides(written: Written) -> None:
    written.put(1, b"ours")
    written.here.tables.put(1, b"theirs")
    written.step()
    written.step()
    assert written.here.tables.content(1) == b"theirs"
    assert written.alarms() == [("foreign_change", "1.jpg")]
    assert written.waiting() == 1
    written.put(2, b"not held up")
    written.step()
    assert written.here.tables.content(2) == b"not held up"


def test_a_person_takes_the_state_of_legacy(written: Written) -> None:
    written.put(1, b"ours")
    written.here.tables.put(1, b"theirs")
    written.step()
    decide(actor="test", alarm=Alarm.objects.get(), decision="take_legacy")
    written.step()
    written.step()
    assert written.here.stored(1) == written.here.tables.content(1) == b"theirs"
    assert (written.alarms(), written.here.pending(), written.waiting()) == ([], set(), 0)


def test_a_person_keeps_ours(written: Written) -> None:
    written.here.tables.put(1, b"imported")
    written.here.bring(1)
    written.here.tables.put(1, b"theirs")
    written.step()
    decide(actor="test", alarm=Alarm.objects.get(), decision="keep_ours")
    written.step()
    assert written.here.tables.content(1) == b"imported"
    assert (written.alarms(), written.here.pending()) == ([], set())


def test_a_change_after_the_decision_is_asked_about_again(written: Written) -> None:
    written.put(1, b"ours")
    written.here.tables.put(1, b"theirs")
    written.step()
    decide(actor="test", alarm=Alarm.objects.get(), decision="keep_ours")
    written.here.tables.put(1, b"theirs again")
    written.step()
    assert written.here.tables.content(1) == b"theirs again"
    assert Alarm.objects.get().decision == ""
    decide(actor="test", alarm=Alarm.objects.get(), decision="keep_ours")
    written.step()
    assert written.here.tables.content(1) == b"ours"


def test_a_truncated_table_is_one_alarm_and_holds_everything_up(written: Written) -> None:
    written.here.tables.put(1, b"one")
    written.here.bring(1)
    written.here.tables.truncate()
    written.put(2, b"two")
    written.step()
    assert written.alarms() == [("foreign_change", "")]
    assert written.here.tables.content(2) is None
    decide(actor="test", alarm=Alarm.objects.get(), decision="take_legacy")
    written.step()
    assert Alarm.objects.get().decision == ""
    assert written.here.stored(1) == b"one"
    decide(actor="test", alarm=Alarm.objects.get(), decision="keep_ours")
    written.step()
    written.step()
    assert written.here.tables.content(2) == b"two"
    assert written.here.stored(1) == b"one"


def test_a_record_that_cannot_be_written_alarms_and_holds_up_no_other(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_work, "ALARM_AFTER", 1)
    written.here.tables.execute("ALTER TABLE {photo} ADD CHECK (size < 100)")
    written.put(1, b"x" * 200)
    written.put(2, b"short")
    written.step()
    assert written.alarms() == [("write_back_failed", "1.jpg")]
    assert written.here.tables.content(2) == b"short"
    assert "x" * 20 not in Alarm.objects.get().detail
    written.put(1, b"short too")
    written.step()
    assert written.here.tables.content(1) == b"short too"
    assert (written.alarms(), written.waiting()) == ([], 0)


def test_legacy_away_loses_nothing(written: Written) -> None:
    address = next((written.folder / "secrets" / "legacy").iterdir())
    there = address.read_text()
    address.write_text("postgresql://nobody@127.0.0.1:1/none")
    written.put(1, b"ours")
    written.step()
    assert written.waiting() == 1
    assert written.alarms() == []
    address.write_text(there)
    written.step()
    assert written.here.tables.content(1) == b"ours"


def test_a_silent_legacy_database_is_given_up_and_tried_again(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plant.WriteBackConnection, "limit", 0.5)
    written.put(1, b"ours")
    with psycopg.connect(written.here.tables.url) as silent:
        silent.execute(f'LOCK TABLE "{written.here.tables.schema}".photo')
        written.step()
        assert written.waiting() == 1
    written.step()
    assert written.here.tables.content(1) == b"ours"
    assert (written.alarms(), written.waiting()) == ([], 0)


def test_in_disk_entries_are_kept_and_delivered_on_the_way_back(written: Written) -> None:
    written.mode(Source.Mode.DISK)
    written.put(1, b"ours")
    written.step()
    assert (written.waiting(), written.waiting(kept_box(written.source.name))) == (0, 1)
    assert written.here.tables.content(1) is None
    assert count_waiting(written.here.store, written.source) == 1
    written.mode(Source.Mode.WRITEBACK)
    written.step()
    assert written.here.tables.content(1) == b"ours"
    assert count_waiting(written.here.store, written.source) == 0


def test_what_was_kept_goes_when_disk_is_final(written: Written) -> None:
    written.mode(Source.Mode.DISK)
    written.put(1, b"ours")
    written.step()
    written.mode(Source.Mode.DISK, final=True)
    written.put(2, b"later")
    written.step()
    assert count_waiting(written.here.store, written.source) == 0
    assert written.here.tables.content(1) is None


def test_a_late_write_reaches_legacy_after_the_way_back(written: Written) -> None:
    written.mode(Source.Mode.HYBRID)
    written.put(1, b"taken under the older policy")
    written.step()
    assert written.here.tables.content(1) == b"taken under the older policy"
    written.put(2, b"ours")
    written.here.tables.put(2, b"theirs, and sync is on")
    written.step()
    assert (written.waiting(), written.alarms()) == (1, [])
    written.here.bring(2)
    written.step()
    assert written.waiting() == 0
    assert written.here.tables.content(2) == written.here.stored(2) == b"theirs, and sync is on"
