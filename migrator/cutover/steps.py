"""Which mode follows which, and which gates stand before each step. Pure.

Forward: legacy, shadow, hybrid, writeback, disk, final. A source of which not every change can be
captured has no hybrid: from shadow it goes to writeback or disk at once, with its writers stopped,
and back from writeback to shadow. One step back is always one that has its own gates: what legacy
must have before it answers again.
"""

from django.utils.translation import gettext as _

from migrator.cutover import gates as g
from migrator.cutover.facts import Facts, Limits

FINAL = "final"
"""A step of its own: disk stays disk, and there is no way back any more."""

_PROVEN = (g.checked, g.backfill, g.verification, g.differences, g.record_errors, g.alarms)
_CAPTURED = (g.capture, g.horizon, g.backlog)
_SHADOWED = (g.shadow_reads, g.shadow_differences)
_AT_REST = (*_PROVEN, *_SHADOWED, g.writers, g.verified_after_writers)

_WITH_CAPTURE: dict[tuple[str, str], tuple[g.Check, ...]] = {
    ("legacy", "shadow"): (g.checked, g.capture),
    ("shadow", "hybrid"): (*_PROVEN, *_CAPTURED, *_SHADOWED),
    ("hybrid", "writeback"): (*_PROVEN, *_CAPTURED, g.writers),
    ("writeback", "disk"): (
        *(g.capture, g.backlog, g.verification, g.differences),
        *(g.writers, g.readers, g.delivered, g.alarms),
    ),
    # Sync goes on where it stopped: the triggers have noted everything meanwhile.
    ("writeback", "hybrid"): (g.not_final, g.capture, g.delivered, g.alarms),
}
_WITHOUT_CAPTURE: dict[tuple[str, str], tuple[g.Check, ...]] = {
    ("legacy", "shadow"): (g.checked,),
    ("shadow", "writeback"): _AT_REST,
    ("shadow", "disk"): (*_AT_REST, g.readers),
    ("writeback", "disk"): (g.writers, g.readers, g.delivered, g.alarms),
    ("writeback", "shadow"): (g.not_final, g.delivered, g.quiet, g.alarms),
}
_BOTH: dict[tuple[str, str], tuple[g.Check, ...]] = {
    ("disk", FINAL): (g.not_final, g.writers, g.readers, g.alarms),
    # What disk kept for legacy is delivered in writeback, before anything further back.
    ("disk", "writeback"): (g.not_final,),
    ("hybrid", "shadow"): (),
    ("shadow", "legacy"): (),
}
_BACK = {"disk": "writeback", "hybrid": "shadow", "shadow": "legacy"}


class NoSuchStep(Exception):
    """There is no step from this mode to that; the text says which there is."""


def next_mode(facts: Facts) -> str:
    """Where the way forward leads. Raises NoSuchStep."""
    order = {
        "legacy": "shadow",
        "shadow": "hybrid" if facts.captured else "writeback",
        "hybrid": "writeback",
        "writeback": "disk",
    }
    if facts.mode not in order:
        raise NoSuchStep(
            _("Disk is the last mode. Declare it final with: --to disk --final")
            if not facts.final
            else _("Disk was declared final; there is nothing further.")
        )
    return order[facts.mode]


def previous_mode(facts: Facts) -> str:
    """One step back. Raises NoSuchStep."""
    if facts.final:
        raise NoSuchStep(_("Disk was declared final: there is no way back."))
    if facts.mode == "writeback":
        return "hybrid" if facts.captured else "shadow"
    if facts.mode not in _BACK:
        raise NoSuchStep(_("Legacy is the first mode: there is nothing further back."))
    return _BACK[facts.mode]


def gates_of(facts: Facts, to: str, limits: Limits) -> list[g.Gate]:
    """The checklist of one step, forward or back. Raises NoSuchStep."""
    table = _BOTH | (_WITH_CAPTURE if facts.captured else _WITHOUT_CAPTURE)
    checks = table.get((facts.mode, to))
    if checks is None:
        ways = sorted(target for origin, target in table if origin == facts.mode)
        raise NoSuchStep(
            _("There is no step from %(from)s to %(to)s; from here lead: %(ways)s")
            % {"from": facts.mode, "to": to, "ways": ", ".join(ways) or _("none")}
        )
    return [check(facts, limits) for check in checks]
