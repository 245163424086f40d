"""The gates: each looks at the facts and says what it found and what it wanted. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _

from migrator.cutover.facts import Facts, Limits


@dataclass(frozen=True, slots=True)
class Gate:
    """One line of the checklist. `name` is stable; `found` and `wanted` are for people."""

    name: str
    text: str
    passed: bool
    found: str
    wanted: str

    def to_mapping(self) -> dict[str, str | bool]:
        return {
            "gate": self.name,
            "text": self.text,
            "passed": self.passed,
            "found": self.found,
            "wanted": self.wanted,
        }


Check = Callable[[Facts, Limits], Gate]
_HOUR = timedelta(hours=1)


def checked(facts: Facts, _limits: Limits) -> Gate:
    return _none(
        "checked", _("The description holds against the legacy database"), facts.check_errors
    )


def capture(facts: Facts, _limits: Limits) -> Gate:
    return _none("capture", _("Triggers are installed and enabled"), facts.triggers_missing)


def backfill(facts: Facts, _limits: Limits) -> Gate:
    ended = facts.backfill_finished_at
    found = f"{ended:%Y-%m-%d %H:%M}" if ended else _("not finished")
    return Gate("backfill", _("The backfill has ended"), ended is not None, found, _("finished"))


def horizon(facts: Facts, _limits: Limits) -> Gate:
    """Sees a change before it is committed: whoever began before the horizon has ended."""
    text = _("Every transaction that was open in legacy has ended, prepared ones too")
    return _none("horizon", text, facts.held_back_by)


def backlog(facts: Facts, _limits: Limits) -> Gate:
    return _zero("backlog", _("No change waits in the change log"), facts.backlog)


def backlog_before(facts: Facts, _limits: Limits) -> Gate:
    """For hybrid, which asks the log at each read: the old application may go on writing."""
    text = _("No change from before the horizon waits in the change log")
    return _zero("backlog_before", text, facts.backlog_before)


def verification(facts: Facts, limits: Limits) -> Gate:
    """After the backfill, because only then every record was there to be compared."""
    text = _("A verification in both directions ended after the backfill, and is recent")
    wanted = _("at most %(hours)s h old") % {"hours": limits.verification_age // _HOUR}
    verified, ended = facts.verified, facts.backfill_finished_at
    if verified is None:
        return Gate("verification", text, passed=False, found=_("none"), wanted=wanted)
    after = ended is None or verified.started_at >= ended
    recent = facts.now - verified.finished_at <= limits.verification_age
    found = f"{verified.finished_at:%Y-%m-%d %H:%M}" + ("" if after else _(", before the backfill"))
    return Gate("verification", text, after and recent, found, wanted)


def differences(facts: Facts, _limits: Limits) -> Gate:
    count = facts.verified.differences if facts.verified else None
    found = _("no verification") if count is None else str(count)
    return Gate("differences", _("It found no difference"), count == 0, found, "0")


def verified_after_writers(facts: Facts, _limits: Limits) -> Gate:
    """Without capture only a comparison of a source at rest proves anything."""
    verified, stopped = facts.verified, facts.switched_at
    passed = bool(verified and stopped and verified.started_at >= stopped)
    found = f"{verified.started_at:%Y-%m-%d %H:%M}" if verified else _("no verification")
    wanted = _("after %(time)s") % {"time": f"{stopped:%Y-%m-%d %H:%M}" if stopped else "?"}
    text = _("The verification began after the last writer had stopped")
    return Gate("verified_after_writers", text, passed, found, wanted)


def record_errors(facts: Facts, _limits: Limits) -> Gate:
    return _zero("record_errors", _("No record failed to be imported"), facts.record_errors)


def shadow_reads(facts: Facts, limits: Limits) -> Gate:
    text = _("Enough answers were compared in shadow in %(days)d days") % {
        "days": limits.shadow_days
    }
    enough = facts.shadow_compared >= limits.shadow_reads
    return Gate(
        "shadow_reads", text, enough, str(facts.shadow_compared), f"≥ {limits.shadow_reads}"
    )


def shadow_differences(facts: Facts, _limits: Limits) -> Gate:
    return _zero("shadow_differences", _("None of them differed"), facts.shadow_different)


def writers(facts: Facts, _limits: Limits) -> Gate:
    return _switched(
        "writers", _("Every writer has switched"), facts.writers_declared, facts.writers
    )


def readers(facts: Facts, _limits: Limits) -> Gate:
    return _switched(
        "readers", _("Every reader has switched"), facts.readers_declared, facts.readers
    )


def delivered(facts: Facts, _limits: Limits) -> Gate:
    return _zero("delivered", _("Every version has reached legacy"), facts.waiting)


def quiet(facts: Facts, limits: Limits) -> Gate:
    """Legacy will answer at once: what is still being written here would be missing there."""
    text = _("Nothing was written here for %(seconds)d s") % {
        "seconds": limits.quiet.total_seconds()
    }
    return _zero("quiet", text, facts.recent_writes)


def alarms(facts: Facts, _limits: Limits) -> Gate:
    return _zero("alarms", _("No alarm is open"), facts.alarms)


def not_final(facts: Facts, _limits: Limits) -> Gate:
    found = _("final") if facts.final else _("not final")
    return Gate(
        "not_final", _("Disk was not declared final"), not facts.final, found, _("not final")
    )


def _zero(name: str, text: str, count: int) -> Gate:
    return Gate(name, text, count == 0, str(count), "0")


def _none(name: str, text: str, found: Iterable[str]) -> Gate:
    listed = tuple(found)
    return Gate(name, text, not listed, "; ".join(listed) or _("none"), _("none"))


def _switched(name: str, text: str, declared: int, missing: tuple[str, ...]) -> Gate:
    """Nobody declared is nobody asked: that is refused too."""
    found = ", ".join(missing) or (str(declared) if declared else _("none declared"))
    return Gate(name, text, declared > 0 and not missing, found, _("all that are declared"))
