"""Numbers without gaps: of the node's leaves, and of each writer's records.

The verifier proves more, with chains and hashes. This looks at each record of PostgreSQL's copy as
it arrives, so that a lost one is seen within minutes.
"""

from collections.abc import Mapping

from django.db.models import Case, Count, Max, Min, When

from skold.frames import Position
from skold.models import AuditRecord
from skold.review.findings import note_finding
from skold.review.span import Span

MISSING_SHOWN = 20
LAST = 5000
"""Records of a writer in which its last accesses are looked for; more are never under way."""


def judge_leaves(span: Span) -> None:
    """Every leaf number of the span is there, once."""
    if span.found == span.end - span.start:
        return
    there = set(span.rows.values_list("leaf_index", flat=True))
    missing = [leaf for leaf in range(span.start, span.end) if leaf not in there]
    facts = {"what": "leaves", "missing": missing[:MISSING_SHOWN], "lacking": len(missing)}
    _note(span, f"leaf:{span.node}:{span.start}", len(missing), facts)


def judge_writers(
    span: Span, expected: Mapping[str, int], *, from_the_start: bool
) -> dict[str, int]:
    """Each writer's numbers continue those before; returns the next number of those that live.

    `from_the_start`: a writer that is not expected must begin at 0. Otherwise it may have begun
    before the first record that is still here.
    """
    left = dict(expected)
    rows = span.rows.values("writer").annotate(
        low=Min("n"),
        high=Max("n"),
        found=Count("n"),
        closed=Max(Case(When(kind="close", then=1), default=0)),
    )
    for row in rows:
        due = left.get(row["writer"], 0 if from_the_start else row["low"])
        lacking = row["high"] + 1 - due - row["found"]
        if lacking or row["low"] != due:
            facts = {"what": "writer", "writer": row["writer"], "due": due, "low": row["low"]}
            facts |= {"high": row["high"], "found": row["found"], "lacking": lacking}
            _note(span, f"writer:{row['writer']}:{row['low']}", abs(lacking) or 1, facts)
        left[row["writer"]] = row["high"] + 1
        if row["closed"]:
            del left[row["writer"]]
    return left


def note_unended(
    span: Span, expected: Mapping[str, int], ended: Mapping[str, Position]
) -> dict[str, int]:
    """Writers that the sequencer read to their end, and that left accesses without one: killed, or
    the machine was lost. Returns the writers that go on.

    One that only did not write `close`, as short commands may, lacks nothing and is no finding.
    """
    gone = {name for name, due in expected.items() if name in ended and ended[name].n == due}
    for name in sorted(gone):
        count = _broken_off(name, expected[name])
        facts = {"what": "unended", "writer": name, "last": expected[name] - 1, "lacking": count}
        if count:
            _note(span, f"unended:{name}", count, facts, "notice")
    return {name: due for name, due in expected.items() if name not in gone}


def _broken_off(writer: str, due: int) -> int:
    """Requests without an end among the writer's last records."""
    first = due - LAST
    asked = AuditRecord.objects.of_writer(writer).filter(kind="req", n__gte=first).order_by()
    numbers = set(asked.values_list("n", flat=True))
    ends = AuditRecord.objects.filter(kind="done", writer=writer, ref__in=numbers).order_by()
    return len(numbers - set(ends.values_list("ref", flat=True)))


def _note(
    span: Span, key: str, count: int, facts: Mapping[str, object], severity: str = "alarm"
) -> None:
    note_finding(
        rule="gap",
        key=f"gap:{key}"[:200],
        severity=severity,
        since=span.first_at,
        until=span.last_at,
        count=count,
        node=span.node,
        facts=facts,
    )
