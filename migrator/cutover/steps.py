"""Which mode follows which, and which gates stand before each step. Pure.

Forward: legacy, shadow, hybrid, writeback, disk, final. A source of which not every change can be
captured has no hybrid: from shadow it goes to writeback or disk at once, with its writers stopped,
and back from writeback to shadow. One step back is always one that has its own gates: what legacy
must have before it answers again.
"""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from migrator.cutover import gates as g
from migrator.cutover.facts import Facts, Limits

FINAL = "final"
"""A step of its own: disk stays disk, and there is no way back any more."""

_PROVEN = (g.checked, g.backfill, g.verification, g.differences, g.record_errors, g.alarms)
_CAPTURED = (g.capture, g.horizon)
_SHADOWED = (g.shadow_reads, g.shadow_differences)
_AT_REST = (*_PROVEN, *_SHADOWED, g.writers, g.verified_after_writers)

_WITH_CAPTURE: dict[tuple[str, str], tuple[g.Check, ...]] = {
    ("legacy", "shadow"): (g.checked, g.capture),
    ("shadow", "hybrid"): (*_PROVEN, *_CAPTURED, g.backlog_before, *_SHADOWED),
    ("hybrid", "writeback"): (*_PROVEN, *_CAPTURED, g.backlog, g.writers),
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
    # Legacy answers again: a late write that was taken in writeback must have got there.
    ("hybrid", "shadow"): (g.delivered,),
    ("shadow", "legacy"): (),
}
_OF_LEGACY = frozenset({g.checked, g.capture, g.horizon, g.backlog, g.backlog_before})
_BACK = {"disk": "writeback", "hybrid": "shadow", "shadow": "legacy"}


class NoSuchStep(Exception):
    """There is no step from this mode to that; the text says which there is."""


def next_mode(mode: str, *, captured: bool, final: bool = False) -> str:
    """Where the way forward leads. Raises NoSuchStep."""
    order = {
        "legacy": "shadow",
        "shadow": "hybrid" if captured else "writeback",
        "hybrid": "writeback",
        "writeback": "disk",
    }
    if mode not in order:
        raise NoSuchStep(
            _("Disk was declared final; there is nothing further.")
            if final
            else _("Disk is the last mode. Declare it final with: --to disk --final")
        )
    return order[mode]


def previous_mode(mode: str, *, captured: bool, final: bool = False) -> str:
    """One step back. Raises NoSuchStep."""
    if final:
        raise NoSuchStep(_("Disk was declared final: there is no way back."))
    if mode == "writeback":
        return "hybrid" if captured else "shadow"
    if mode not in _BACK:
        raise NoSuchStep(_("Legacy is the first mode: there is nothing further back."))
    return _BACK[mode]


def checks_of(mode: str, to: str, *, captured: bool, final: bool = False) -> tuple[g.Check, ...]:
    """The gates before one step, forward or back. Raises NoSuchStep."""
    table = _BOTH | (_WITH_CAPTURE if captured else _WITHOUT_CAPTURE)
    checks = None if final else table.get((mode, to))
    if checks is None:
        ways = sorted(target for origin, target in table if origin == mode and not final)
        raise NoSuchStep(
            _("There is no step from %(from)s to %(to)s; from here lead: %(ways)s")
            % {"from": mode, "to": to, "ways": ", ".join(ways) or _("none")}
        )
    return checks


def ask_legacy(checks: Iterable[g.Check]) -> bool:
    """Whether any of them needs an answer of the legacy database."""
    return not _OF_LEGACY.isdisjoint(checks)


def gates_of(checks: Iterable[g.Check], facts: Facts, limits: Limits) -> list[g.Gate]:
    """The checklist."""
    return [check(facts, limits) for check in checks]
