"""What a copy makes of what happens to its files."""

from dataclasses import dataclass, field

import pytest

from contentserver.client import errors
from contentserver.client.cli import copying
from contentserver.client.cli.copying import Copy, Outcome
from contentserver.client.cli.display import Nothing
from contentserver.client.cli.manifest import Entry


@dataclass(frozen=True)
class Planned:
    key: str
    size: int = 10


@dataclass
class Script:
    """A direction in which files meet what the test says."""

    meets: dict[str, Exception] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    transferred: list[str] = field(default_factory=list)

    def settle(self, file):
        return Outcome(file.key, "unchanged", file.size) if file.key in self.there else None

    def transfer(self, file, told):
        if file.key in self.meets:
            raise self.meets[file.key]
        self.transferred.append(file.key)
        return Outcome(file.key, "copied", file.size)


class Ledger:
    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def find(self, key):
        return self.entries.get(key)

    def add(self, entry):
        self.entries[entry.key] = entry


def run(script, count=30, **options):
    told, ledger = [], Ledger()
    copy = Copy(script, ledger, Nothing(lambda _: None), told.append, jobs=1, **options)
    copy.run(Planned(f"{number:02}") for number in range(count))
    return copy.summary, told, ledger


def test_one_failure_does_not_keep_the_others_from_being_copied():
    script = Script(meets={"03": errors.TooLarge("100 bytes too many", status=413)})
    summary, told, ledger = run(script)
    assert (summary.count("copied"), summary.count("failed")) == (29, 1)
    assert summary.fatal is None
    assert summary.sizes["copied"] == 290
    assert ledger.entries["03"].state == "failed"
    assert "100 bytes too many" in ledger.entries["03"].error
    assert len(told) == 30


@pytest.mark.parametrize("error", [errors.Unauthenticated("", status=401), errors.Unreachable("")])
def test_what_every_file_would_meet_ends_the_copy(error):
    summary, _, _ = run(Script(meets={"03": error}))
    assert summary.fatal is not None
    assert 3 <= summary.count("copied") <= 4
    assert summary.count("failed") == 1


def test_a_row_of_failures_of_the_server_ends_the_copy():
    meets = {f"{number:02}": errors.NoSpace("full", status=507) for number in range(5, 30)}
    summary, _, _ = run(Script(meets=meets))
    assert summary.fatal is not None
    assert summary.fatal.exit_status == 5
    assert copying.IN_A_ROW <= summary.count("failed") <= copying.IN_A_ROW + 1


def test_failures_with_files_between_them_that_went_well_do_not():
    meets = {f"{number:02}": errors.NotFound("", status=404) for number in range(0, 30, 2)}
    summary, _, _ = run(Script(meets=meets))
    assert summary.fatal is None
    assert summary.count("failed") == 15


def test_refusals_of_single_files_never_end_a_copy():
    meets = {f"{number:02}": errors.CheckRefused("", status=422) for number in range(30)}
    summary, _, _ = run(Script(meets=meets))
    assert (summary.fatal, summary.count("failed")) == (None, 30)


def test_a_dry_run_transfers_nothing_and_notes_nothing():
    script = Script(there={"01"})
    summary, _, ledger = run(script, dry_run=True)
    assert (summary.count("planned"), summary.count("unchanged")) == (29, 1)
    assert script.transferred == []
    assert ledger.entries == {}


def test_an_upload_that_was_begun_is_kept_in_mind_when_it_fails():
    class Begun(Script):
        def transfer(self, file, told):
            ledger.add(Entry(file.key, "started", file.size, mtime_ns=7, upload="http://u"))
            raise errors.Unavailable("", status=503)

    ledger = Ledger()
    copy = Copy(Begun(), ledger, Nothing(lambda _: None), lambda _: None, jobs=1)
    copy.run([Planned("a")])
    assert ledger.entries["a"].state == "failed"
    assert (ledger.entries["a"].upload, ledger.entries["a"].mtime_ns) == ("http://u", 7)
