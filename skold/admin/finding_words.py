"""A finding in plain words: what was noticed, how sure that is, what to do next.

Names of persons come from the records behind it, so a redacted record takes them out of here too.
"""

from collections.abc import Callable, Sequence
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from skold.flood import network_of
from skold.models import AuditRecord, Finding, KnownNetwork
from skold.reason_words import reason_in_words
from skold.review.streaks import SHOWN

ADVICE = {
    "refusals": gettext_lazy(
        "Ask whoever runs the system whether a grant is missing or a job still uses an old"
        " setting. If nobody knows of it, treat it as an attempt."
    ),
    "guessing": gettext_lazy(
        "Look whether one of the tries was let in afterwards. If a real key is among those that"
        " were tried, rotate it; if the network is none of yours, block it in front of the server."
    ),
    "burst": gettext_lazy(
        "Ask whoever runs the system whether a job was started on purpose. If not, disable the"
        " client and look which files it read."
    ),
    "new_address": gettext_lazy(
        "Ask whoever runs the system whether it has moved. If not, revoke the key at once: it is"
        " in other hands."
    ),
    "gap": gettext_lazy(
        "Run “manage.py verify_audit”: it says which records are missing and whether the ledger on"
        " disk still holds them. Change nothing on the disk before that."
    ),
    "verification": gettext_lazy(
        "Keep the disk as it is, compare with the anchored checkpoints, and find out who had access"
        " to the machine."
    ),
    "unanchored": gettext_lazy(
        "Until a checkpoint is kept elsewhere, whoever holds this machine could rewrite the ledger"
        " unseen. See SKOLD_ANCHORS in the operations manual."
    ),
}


def records_of(finding: Finding, limit: int = SHOWN) -> list[AuditRecord]:
    """The records that the finding names, as far as they are still here."""
    named = [str(name) for name in finding.facts.get("records", [])[:limit]]
    found = [AuditRecord.objects.at_position(name).defer("body").first() for name in named]
    return [record for record in found if record is not None]


def sentence_of(finding: Finding, records: Sequence[AuditRecord]) -> str:
    """What was noticed."""
    tell = _TELLERS.get(finding.rule)
    words: dict[str, Any] = {
        **_clean(finding.facts),
        "client": finding.client or _("somebody"),
        "node": finding.node,
        "count": number_format(finding.count, force_grouping=True),
        "since": moment(finding.since),
        "period": period(finding),
    }
    return tell(finding, words, records) if tell else str(finding.get_rule_display())


def actor_of(finding: Finding, records: Sequence[AuditRecord]) -> str:
    """Who it is about, as the records say."""
    by = finding.facts.get("by")
    first = records[0] if records else None
    private = first.private if first is not None and isinstance(first.private, dict) else {}
    if by == "end_user":
        person = private.get("end_user") or _("an end user whose name was redacted")
        return _("%(person)s (%(client)s)") % {"person": person, "client": finding.client or "—"}
    if by == "network":
        address = private.get("network")
        return network_of(str(address)) if address else _("a network that was redacted")
    if by == "credential" and first is not None:
        words = {"credential": first.credential or "—", "client": finding.client or "—"}
        return _("%(client)s (with %(credential)s)") % words
    return finding.client or finding.node or "—"


def moment(at: Any) -> str:
    """In the institution's time zone."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S")


def period(finding: Finding) -> str:
    """From when to when, as short as it can be said."""
    since, until = timezone.localtime(finding.since), timezone.localtime(finding.until)
    words = {"day": f"{since:%Y-%m-%d}", "since": f"{since:%H:%M:%S}", "until": f"{until:%H:%M:%S}"}
    if (until - since).total_seconds() < 1:
        return _("on %(day)s at %(since)s") % words
    if since.date() == until.date():
        return _("on %(day)s from %(since)s to %(until)s") % words
    return _("from %(since)s to %(until)s") % {"since": moment(since), "until": moment(until)}


def _clean(facts: dict[str, Any]) -> dict[str, Any]:
    return {
        name: number_format(value, force_grouping=True) if type(value) is int else value
        for name, value in facts.items()
    }


def _refusals(finding: Finding, words: dict[str, Any], records: Sequence[AuditRecord]) -> str:
    words["who"] = actor_of(finding, records)
    return _("%(who)s was refused %(count)s times %(period)s.") % words


def _guessing(finding: Finding, words: dict[str, Any], records: Sequence[AuditRecord]) -> str:
    words["who"] = actor_of(finding, records)
    return (
        _("From %(who)s came %(count)s requests with credentials that never held, %(period)s.")
        % words
    )


def _burst(_finding: Finding, words: dict[str, Any], _records: Sequence[AuditRecord]) -> str:
    return (
        _(
            "%(client)s made %(count)s accesses in the hour from %(since)s. In 95 of 100 of its"
            " active hours of the %(days)s days before it made at most %(usual)s."
        )
        % words
    )


def _address(finding: Finding, words: dict[str, Any], _records: Sequence[AuditRecord]) -> str:
    known = KnownNetwork.objects.filter(pk=finding.facts.get("known_network")).first()
    words["network"] = known.network if known else "—"
    return (
        _(
            "%(client)s was let in from %(network)s at %(since)s. It had never come from there,"
            " though it has been known for more than %(days)s days."
        )
        % words
    )


def _gap(finding: Finding, words: dict[str, Any], _records: Sequence[AuditRecord]) -> str:
    texts = {
        "leaves": _("%(lacking)s records of %(node)s are missing in PostgreSQL's copy."),
        "writer": _(
            "The records of the writer %(writer)s are not numbered through: after its number"
            " %(due)s was due, %(low)s to %(high)s came with %(found)s records."
        ),
        "unended": _(
            "The writer %(writer)s ended without saying so, after its record %(last)s: its process"
            " was killed, or the machine stopped. %(lacking)s accesses were under way and have no"
            " end; everything that was acknowledged is recorded."
        ),
        "still_copy": _(
            "PostgreSQL's copy has stood still since %(since)s, although the ledger of %(node)s"
            " holds %(lacking)s records more."
        ),
        "still_ledger": _(
            "The ledger of %(node)s has stood still since %(since)s, although the journals hold"
            " %(lacking)s records more."
        ),
    }
    text = texts.get(str(finding.facts.get("what")))
    return text % words if text else str(finding.get_rule_display())


def _unanchored(finding: Finding, words: dict[str, Any], _records: Sequence[AuditRecord]) -> str:
    if not finding.facts.get("place"):
        return _("No checkpoint of %(node)s is kept anywhere but on this machine.") % words
    return _("%(place)s has not taken a checkpoint of %(node)s since %(since)s.") % words


_TELLERS: dict[str, Callable[[Finding, dict[str, Any], Sequence[AuditRecord]], str]] = {
    "refusals": _refusals,
    "guessing": _guessing,
    "burst": _burst,
    "new_address": _address,
    "gap": _gap,
    "unanchored": _unanchored,
}


def facts_of(finding: Finding, records: Sequence[AuditRecord]) -> list[tuple[str, str]]:
    """Names and values, for a table."""
    told = [
        (_("From"), moment(finding.since)),
        (_("To"), moment(finding.until)),
        (_("Records"), number_format(finding.count, force_grouping=True)),
        (_("Client"), finding.client),
        (_("About"), actor_of(finding, records) if finding.facts.get("by") else ""),
        (_("Node"), finding.node),
        (_("Reasons"), ", ".join(map(reason_in_words, finding.facts.get("reasons", [])))),
        (_("Rule"), _rule(finding)),
    ]
    known = {"by", "records", "reasons", "enough", "minutes", "known_network", "what", "usual"}
    known |= {"factor", "days", "place"}
    told += [
        (name.replace("_", " "), _text(value))
        for name, value in finding.facts.items()
        if name not in known
    ]
    return [(str(name), value) for name, value in told if value]


def _rule(finding: Finding) -> str:
    facts = _clean(finding.facts)
    if "enough" in facts:
        return _("%(enough)s or more within %(minutes)s minutes") % facts
    if finding.rule == "burst":
        return _("more than %(factor)s times the usual hour") % facts
    return str(finding.get_rule_display())


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
