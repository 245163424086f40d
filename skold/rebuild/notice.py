"""Rows that contradict the ledger become a finding: somebody changed PostgreSQL's copy."""

import hashlib
from collections.abc import Sequence

from skold.models import Finding
from skold.rebuild.compare import Difference, Kind
from skold.rebuild.rebuild import Outcome
from skold.review import note_finding

NAMED = 20


def note_differences(outcome: Outcome, command: str = "rebuild_ledger") -> None:
    """One finding for each kind of difference; found again, it is the same one."""
    for kind in outcome.counts:
        found = [each for each in outcome.examples if each.kind == kind]
        if found:
            note_rows(outcome.node, kind, found, outcome.counts[kind], command)


def note_rows(node: str, kind: Kind, found: Sequence[Difference], count: int, command: str) -> None:
    """The finding of rows of one kind; `count` of them in all."""
    leaves = sorted(each.leaf for each in found)
    digest = hashlib.sha256(repr(leaves).encode()).hexdigest()[:16]
    note_finding(
        rule=Finding.Rule.VERIFICATION,
        key=f"{command}:{node}:{kind}:{digest}",
        severity=Finding.Severity.ALARM,
        since=min(each.at for each in found),
        until=max(each.at for each in found),
        count=count,
        node=node,
        facts={"command": command, "kind": kind, "leaves": leaves[:NAMED]},
    )
