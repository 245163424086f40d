"""A redaction of a person reaches the records of those who looked for that person."""

from pathlib import Path

import pytest

from skold.journal import Journal
from skold.redaction.selection import END_USER, Selection
from tests.support.audit_ledgers import NODE, AuditLedger, read_leaves

PERSON = "Åsa Öberg"
PAGE = "/admin/skold/auditrecord/person/"


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        (f"{PAGE}?person=%C3%85sa+%C3%96berg", True),
        (f"{PAGE}?before=9&person=%c3%85sa%20%C3%96berg", True),
        ("/api/v1/audit?end_user=%C3%85sa%20%C3%96berg", True),
        (f"{PAGE}?person=%C3%85sa", False),
        (PAGE, False),
    ],
)
def test_who_was_looked_for_is_found_in_the_query(tmp_path: Path, path: str, meant: bool) -> None:
    made = AuditLedger(tmp_path)
    selection = Selection(END_USER, {"end_user": PERSON}, NODE)
    body = {"id": "r", "plane": "control", "method": "GET", "action": "audit"}
    journal = Journal([made.journal], NODE, clock=made.clock)
    journal.start()
    journal.append("req", body, {"end_user": "audra", "path": path}).wait(9)
    journal.close()
    ledger = made.sequence()
    found = list(selection.iter_found(ledger, len(read_leaves(ledger))))
    assert [one.leaf for one in found] == [1] * meant
