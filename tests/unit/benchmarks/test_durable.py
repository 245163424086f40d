"""The audit's benchmark counts what is really on the disk."""

import pytest

from benchmarks.durable.crew import Crew, CrewFailed
from benchmarks.durable.measure import ALONE, AuditMeasurements
from benchmarks.plan import QUICK
from benchmarks.results import BARE, CONTENT, Scenario
from skold.ledger.mark import read_mark


def test_the_ledger_numbers_every_record_that_was_counted_as_durable(tmp_path):
    measuring = AuditMeasurements(QUICK, tmp_path / "audit")
    durable, alone = Scenario("durable", "records/s"), Scenario(ALONE, "records/s")
    journal = measuring._durable(durable, 0.2)
    measuring._number(alone, journal, "ledger")
    counted = durable.row(CONTENT).samples[0].requests
    assert counted > 100
    # Beside them stand what opens and closes each of the two journals.
    assert read_mark(tmp_path / "audit" / "ledger", "bench").leaves == counted + 2 * 2
    assert durable.ratio(CONTENT, BARE) is not None


def test_a_process_that_cannot_begin_is_named():
    with pytest.raises(CrewFailed, match="did not become ready"):
        Crew([("benchmarks.durable.writer", '{"journal": "/proc/none", "seconds": 1, "users": 1}')])
