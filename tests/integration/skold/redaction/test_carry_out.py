"""A redaction takes private parts out of everything, and leaves every proof valid."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ValidationError

from contentserver.operations.redacting import RedactionLoop
from skold.archive.archive import Archiver
from skold.archive.month_file import MonthFile
from skold.journal import Journal
from skold.journal_reader import WriterReader, iter_writers
from skold.ledger.copier import Copier
from skold.ledger.proofs import TreeReader
from skold.models import Redaction
from skold.rebuild.rebuild import Rebuild
from skold.redaction.listed import redacted_leaves
from skold.redaction.services import approve, ask, refuse
from tests.support.audit_ledgers import NODE, AuditLedger, read_leaves, write_bundles

STEPS = ["list", "networks", "bundles", "journals", "archive", "rows", "done"]
NAME = b'"anna-7"'


class Killed(BaseException):
    """The process ends here."""


class Node:
    """A ledger, its copy, an archived month of it, and the loop that redacts."""

    def __init__(self, folder: Path, conninfo: str, settings: Any) -> None:
        self.conninfo = conninfo
        self.folder = folder
        self.made = AuditLedger(folder)
        self.made.live(20)
        self.made._now += 40 * 24 * 3_600_000_000_000
        self.made.live(200)
        self.ledger = self.made.sequence()
        self.copy()
        self.connection = psycopg.connect(conninfo, autocommit=True, options="-c TimeZone=UTC")
        self.config = _Config(folder)
        self.archive_january()
        self.journal = Journal([folder / "bridge"], NODE)
        self.journal.start()

    def copy(self) -> None:
        copier = Copier(self.ledger, NODE, self.conninfo)
        while copier.step():
            pass
        copier.close()

    def archive_january(self) -> None:
        archiver = Archiver(
            ledger=self.ledger,
            archive=self.config.archive,
            node=NODE,
            actor="command:test",
            connection=self.connection,
        )
        (outcome,) = archiver.archive(["2025-01"], lambda _done, _all: None)
        assert outcome.result == "archived"

    def loop(self, stop_at: str = "") -> RedactionLoop:
        def step(name: str) -> None:
            if name == stop_at:
                raise Killed(name)

        return RedactionLoop(self.config, self.journal, contextlib.nullcontext, step)  # type: ignore[arg-type]

    def work(self) -> None:
        loop = self.loop()
        while loop.step():
            pass

    def where_it_lies(self) -> set[str]:
        """Everywhere on disk and in the database that still says the name."""
        found = {
            path.relative_to(self.folder).parts[0]
            for path in self.folder.rglob("*")
            if path.is_file() and path.suffix != ".skam" and NAME in path.read_bytes()
        }
        for path in self.config.archive.rglob("*.skam"):
            if any(NAME in leaf.private for leaf in MonthFile(path).iter_leaves()):
                found.add("archive")
        query = "SELECT count(*) FROM skold_audit WHERE private::text LIKE '%anna-7\"%'"
        if self.connection.execute(query).fetchone() != (0,):
            found.add("rows")
        return found


class _Config:
    """What the loop reads of the configuration."""

    def __init__(self, folder: Path) -> None:
        self.ledger, self.archive = folder / "ledger", folder / "archive"
        self.journal_dirs, self.node = (folder / "journal",), NODE


@pytest.fixture
def node(tmp_path: Path, conninfo: str, settings: Any) -> Iterator[Node]:
    made = Node(tmp_path, conninfo, settings)
    yield made
    made.journal.close()
    made.connection.execute("DELETE FROM skold_archivedmonth")
    made.connection.execute("DELETE FROM skold_audithour")
    made.connection.close()


def _approved(node: Node) -> Redaction:
    asked = ask(
        actor="admin:berit", kind="end_user", selector={"end_user": "anna-7"}, reason="case 12"
    )
    node.work()
    return approve(actor="admin:cecilia", redaction=asked)


def test_it_is_counted_before_it_can_be_approved(node: Node) -> None:
    asked = ask(actor="admin:b", kind="end_user", selector={"end_user": "anna-7"}, reason="case")
    with pytest.raises(ValidationError, match="counted"):
        approve(actor="admin:c", redaction=asked)
    node.work()
    asked.refresh_from_db()
    assert asked.records == 2
    assert node.where_it_lies() == {"ledger", "journal", "archive", "rows"}


def test_the_private_parts_are_gone_everywhere(node: Node) -> None:
    leaves = read_leaves(node.ledger)
    redaction = _approved(node)
    node.work()
    redaction.refresh_from_db()
    assert (redaction.state, redaction.records, redaction.selector) == ("done", 2, {})
    assert node.where_it_lies() == set()
    after = read_leaves(node.ledger)
    assert [body for body, _private in after] == [body for body, _private in leaves]
    emptied = [i for i, pair in enumerate(after) if pair != leaves[i]]
    assert [leaves[i][1] and after[i][1] for i in emptied] == [b"", b""]
    assert all(i in redacted_leaves(node.ledger, NODE) for i in emptied)


def test_proofs_copies_and_archives_still_hold(node: Node) -> None:
    _approved(node)
    node.work()
    tree = TreeReader(node.ledger)
    for leaf in redacted_leaves(node.ledger, NODE)._firsts:
        assert tree.tlog_proof(leaf)
    assert Rebuild(node.ledger, NODE, node.conninfo, patience=0).check().equal
    (path,) = node.config.archive.rglob("*.skam")
    digest = MonthFile(path).check().sha256
    noted = node.connection.execute("SELECT sha256 FROM skold_archivedmonth").fetchone()
    assert noted == (digest,)


def test_the_journals_are_still_read_to_their_end(node: Node) -> None:
    folder = node.config.journal_dirs[0]
    before = {writer: _frames(folder, writer) for writer in iter_writers(folder)}
    _approved(node)
    node.work()
    for writer, frames in before.items():
        after = _frames(folder, writer)
        assert [(f.n, f.body, f.chain) for f in after] == [(f.n, f.body, f.chain) for f in frames]
        emptied = [f for f, was in zip(after, frames, strict=True) if f.private != was.private]
        assert [f.private for f in emptied] == [b""]


def test_killed_at_every_step_after_the_other_it_comes_to_its_end(node: Node) -> None:
    redaction = _approved(node)
    for stop in STEPS:
        with pytest.raises(Killed, match=stop):
            node.loop(stop).step()
    node.work()
    redaction.refresh_from_db()
    assert (redaction.state, redaction.records) == ("done", 2)
    assert node.where_it_lies() == set()


@pytest.mark.slow
@pytest.mark.parametrize("stop", STEPS)
def test_killed_at_any_step_the_next_bridge_finishes(node: Node, stop: str) -> None:
    redaction = _approved(node)
    with pytest.raises(Killed):
        node.loop(stop).step()
    node.work()
    redaction.refresh_from_db()
    assert (redaction.state, redaction.records) == ("done", 2)
    assert node.where_it_lies() == set()


def test_a_restored_ledger_is_redacted_again_by_its_list(node: Node, tmp_path: Path) -> None:
    leaves = read_leaves(node.ledger)
    _approved(node)
    node.work()
    write_bundles(node.ledger, leaves)
    node.work()
    assert node.where_it_lies() == set()


def test_a_rebuild_leaves_out_what_is_listed_though_the_disk_has_it(node: Node) -> None:
    leaves = read_leaves(node.ledger)
    _approved(node)
    node.work()
    write_bundles(node.ledger, leaves)
    node.connection.execute("DELETE FROM skold_audit")
    assert Rebuild(node.ledger, NODE, node.conninfo, patience=0).run().equal
    assert "rows" not in node.where_it_lies()


def test_it_takes_two_persons(node: Node) -> None:
    asked = ask(actor="admin:b", kind="end_user", selector={"end_user": "anna-7"}, reason="case")
    node.work()
    for same in ("admin:b", "token:b"):
        with pytest.raises(ValidationError, match="second person"):
            approve(actor=same, redaction=asked)
    refuse(actor="admin:b", redaction=asked)
    asked.refresh_from_db()
    assert (asked.state, asked.selector) == ("refused", {})
    with pytest.raises(ValidationError, match="already"):
        approve(actor="admin:c", redaction=asked)


def test_records_are_found_by_number(node: Node) -> None:
    records = [f"{NODE}:3", f"{NODE}:5", "node-9:7", f"{NODE}:99999"]
    asked = ask(actor="admin:b", kind="records", selector={"records": records}, reason="case")
    node.work()
    asked.refresh_from_db()
    assert asked.records == 2


def test_records_are_found_by_key_also_in_a_list_of_keys(node: Node) -> None:
    key = 'pupils/"Åke" 5.jpg'
    journal = Journal([node.config.journal_dirs[0]], NODE)
    journal.start()
    for collection, private in (
        ("pupils", {"key": key}),
        ("pupils", {"keys": json.dumps(["other", key], ensure_ascii=False)}),
        ("pupils", {"key": key + "x"}),
        ("staff", {"key": key}),
    ):
        journal.append("req", {"collection": collection, "action": "read"}, private).wait(10)
    journal.close()
    node.made.sequence()
    selector = {"collection": "pupils", "key": key}
    asked = ask(actor="admin:b", kind="key", selector=selector, reason="case")
    node.work()
    asked.refresh_from_db()
    assert asked.records == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "selector"),
    [
        ("end_user", {}),
        ("end_user", {"end_user": ""}),
        ("key", {"key": "a"}),
        ("records", {"records": ["5"]}),
        ("records", {"records": []}),
        ("all", {"end_user": "a"}),
    ],
)
def test_a_selector_that_says_nothing_is_refused(kind: str, selector: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ask(actor="admin:b", kind=kind, selector=selector, reason="case")


def _frames(folder: Path, writer: str) -> list[Any]:
    return WriterReader(folder, writer).read(100_000)
