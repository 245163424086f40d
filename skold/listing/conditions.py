"""What each filter of the audit means, and which rows answer: the same in admin and API.

An access has two rows. Its `req` alone holds the personal part; its `done` alone a status and an
outcome, and repeats what was asked. So the rows are `done` where an end is asked for, and `req`
otherwise. Where both a person and an end are asked for, the end is looked up for each `req`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.fields.json import KeyTextTransform

from skold.control import parts
from skold.models import AuditRecord
from skold.models.audit import AuditQuerySet, TextHash

EVERY = "every"
KINDS = ("req", "done", "open", "close", "flood", EVERY)
ENDS = frozenset({"status", "outcome"})
PERSONAL = frozenset({"end_user", "network"})
EQUAL = frozenset(
    {
        *("client", "collection", "version", "action", "reason", "credential"),
        *("address", "request_id", "decision", "plane", "node"),
    }
)
NAMES = EQUAL | ENDS | PERSONAL | {"writer", "key", "kind"}
"""All but the time. Each of them alone is answered by an index that ends with the time."""
LEADS: Mapping[str, str] = {
    **{name: name for name in (EQUAL | ENDS) - {"decision", "plane"}},
    **{name: f"{name}_hash" for name in (*PERSONAL, "writer")},
}
"""What the index of a filter begins with. Those that are missing begin with the time."""
COMMON_KINDS = frozenset({None, "", "req", "done", EVERY})
"""No index is needed for them: they are what there is most of."""

PERSON, NETWORK = (KeyTextTransform(name, "private") for name in ("end_user", "network"))
Asked = Mapping[str, Any]
"""Filter -> value, for all that are given."""


def narrow(rows: AuditQuerySet, name: str, value: Any, asked: Asked) -> AuditQuerySet:
    """The rows that filter `name` leaves. `asked` are all filters of this search: they decide which
    half of an access answers.
    """
    if name == "kind":
        return rows if value == EVERY else rows.filter(kind=value)
    special: dict[str, Callable[[], AuditQuerySet]] = {
        "end_user": lambda: _of_text(rows.filter(kind="req"), name, PERSON, value),
        "network": lambda: _of_text(rows.filter(kind="req"), name, NETWORK, value),
        "writer": lambda: _of_text(rows, name, F("writer"), value),
        "key": lambda: _of_key(rows, value, asked),
        "status": lambda: _ended(rows, _exactly("status", value), asked),
        "outcome": lambda: _ended(rows, _exactly("outcome", value), asked),
    }
    if name in special:
        return special[name]()
    if name not in EQUAL:
        raise KeyError(f"the audit has no filter {name!r}")
    if name not in LEADS:
        return rows.filter(**{name: value})
    return rows.filter(_exactly(name, value))


def of_kind(rows: AuditQuerySet, asked: Asked) -> AuditQuerySet:
    """Of accesses one half each, unless a kind is asked for."""
    return rows if asked.get("kind") else rows.filter(kind="done" if _by_end(asked) else "req")


def lead_of(asked: Asked) -> str | None:
    """What the rows are ordered by before the time, so that one index answers: a column or an
    alias, "" for the time alone. None where no one index does: more than one filter besides the
    time, but for a key within its collection.
    """
    given = {name for name in NAMES if asked.get(name) not in {None, ""}}
    if asked.get("kind") in COMMON_KINDS:
        given.discard("kind")
    if given == {"key", "collection"}:
        return None if asked.get("kind") == EVERY else "address"
    if not given:
        return ""
    # The indexes of most filters hold requests only.
    if len(given) > 1 or "key" in given or asked.get("kind") == EVERY:
        return None
    (name,) = given
    return LEADS.get(name, "")


def _exactly(name: str, value: Any) -> Q:
    """Equal, in words that leave PostgreSQL no other index.

    Told `=`, it knows that an order by this column and the time is one by the time, and may walk
    through everybody's records by the index of the time: quick where the value is as frequent now
    as it was on the whole, hopeless where it went out of use.
    """
    return Q(**{f"{name}__gte": value, f"{name}__lte": value})


def _of_text(rows: AuditQuerySet, name: str, text: Any, value: str) -> AuditQuerySet:
    """By the hash, which has the index; the text decides."""
    lead = LEADS[name]
    found = rows.alias(**{lead: TextHash(text), f"{name}_text": text})
    return found.filter(_exactly(lead, TextHash(Value(value))), **{f"{name}_text": value})


def _by_end(asked: Asked) -> bool:
    """Whether ends are the rows."""
    return bool(_given(asked, ENDS)) and not _given(asked, PERSONAL)


def _given(asked: Asked, names: frozenset[str]) -> bool:
    return any(asked.get(name) not in {None, ""} for name in names)


def _ended(rows: AuditQuerySet, end: Q, asked: Asked) -> AuditQuerySet:
    if _by_end(asked) and asked.get("kind") != "req":
        return rows.filter(end, kind="done")
    ends = AuditRecord.objects.filter(
        end, kind="done", writer=OuterRef("writer"), ref=OuterRef("n"), at__gte=OuterRef("at")
    )
    return rows.filter(Exists(ends), kind="req")


def _of_key(rows: AuditQuerySet, key: str, asked: Asked) -> AuditQuerySet:
    """By the address, which stays when the key is redacted."""
    addresses = parts.addresses(asked.get("collection") or None, key)
    if not addresses:
        return rows.none()
    return (
        rows.filter(address__in=addresses) if addresses[1:] else rows.filter(address=addresses[0])
    )
