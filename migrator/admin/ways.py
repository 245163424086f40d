"""Where a source can go from its mode, and how the gates of each step stand.

As the control database knows it: what the sync last saw of legacy counts, and neither legacy nor
the disk is asked, which may be slow or away. `manage.py cutover` asks both before it changes
anything.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from migrator.admin.progress import holder_in_words
from migrator.cutover.facts import Facts, Limits
from migrator.cutover.gates import Gate
from migrator.cutover.legacy_facts import LegacyFacts
from migrator.cutover.snapshot import take_snapshot
from migrator.cutover.steps import (
    FINAL,
    NoSuchStep,
    checks_of,
    gates_of,
    next_mode,
    previous_mode,
)
from migrator.models import Source

ASKED_LATER = frozenset({"checked", "capture", "delivered"})
"""Gates for which the legacy database or the disk must be asked."""


@dataclass(frozen=True, slots=True)
class Line:
    """One gate. `state` is "met", "not_met" or "asked_later"."""

    state: str
    text: str
    words: str


@dataclass(frozen=True, slots=True)
class Way:
    """One step, forward or back, with the command that takes it."""

    title: str
    command: str
    lines: list[Line]
    is_forward: bool


def ways_of(source: Source) -> list[Way]:
    """The way forward first; none where disk is final. Raises django.db.Error."""
    limits = Limits()
    holder = holder_in_words(source)
    seen = LegacyFacts(
        backlog=source.backlog,
        backlog_before=source.backlog,
        held_back_by=(holder,) if holder else (),
    )
    facts = take_snapshot(source, limits, store=None, legacy=seen)
    name, mode = source.pk, source.mode
    ways = []
    if mode == Source.Mode.DISK and not source.final:
        command = f"manage.py cutover {name} --to disk --final"
        title = _("Declare disk final: there is no way back then")
        ways.append(Way(title, command, _lines(facts, FINAL, limits), is_forward=True))
    for target, is_forward in ((_next(facts), True), (_previous(facts), False)):
        if target is not None:
            pattern = _("Forward to %(mode)s") if is_forward else _("Back to %(mode)s")
            command = f"manage.py cutover {name} {'--to ' + target if is_forward else '--rollback'}"
            lines = _lines(facts, target, limits)
            ways.append(Way(pattern % {"mode": target}, command, lines, is_forward))
    return ways


def _next(facts: Facts) -> str | None:
    try:
        return next_mode(facts.mode, captured=facts.captured, final=facts.final)
    except NoSuchStep:
        return None


def _previous(facts: Facts) -> str | None:
    try:
        return previous_mode(facts.mode, captured=facts.captured, final=facts.final)
    except NoSuchStep:
        return None


def _lines(facts: Facts, target: str, limits: Limits) -> list[Line]:
    checks = checks_of(facts.mode, target, captured=facts.captured, final=facts.final)
    return [_line(gate) for gate in gates_of(checks, facts, limits)]


def _line(gate: Gate) -> Line:
    if gate.name in ASKED_LATER:
        return Line("asked_later", gate.text, _("the command asks"))
    if gate.passed:
        return Line("met", gate.text, gate.found if gate.found not in {"0", _("none")} else "")
    words = _("found: %(found)s; wanted: %(wanted)s")
    return Line("not_met", gate.text, words % {"found": gate.found, "wanted": gate.wanted})
