"""A redaction is asked for by one person, and approved or refused by another."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from skold.models import Redaction
from skold.redaction.selection import SelectorInvalid, check_selector
from skold.services.rules import check_actor


def ask(*, actor: str, kind: str, selector: Mapping[str, Any], reason: str) -> Redaction:
    """Ask for private parts to be taken out. The bridge counts the records before anybody can
    approve. Raises ValidationError naming the field.
    """
    check_actor(actor)
    try:
        check_selector(kind, selector)
    except SelectorInvalid as error:
        raise ValidationError({"selector": str(error)}) from error
    redaction = Redaction(
        kind=kind, selector=dict(selector), reason=reason.strip(), asked_by=actor[:150]
    )
    redaction.full_clean()
    redaction.save(force_insert=True)
    return redaction


def approve(*, actor: str, redaction: Redaction) -> Redaction:
    """Let the bridge carry it out. It cannot be taken back. Raises ValidationError."""
    check_actor(actor)
    with transaction.atomic():
        current = _undecided(redaction)
        if person_of(actor) == person_of(current.asked_by):
            raise ValidationError(
                _("Whoever asked cannot approve: let a second person look at it."), code="same"
            )
        if current.records is None:
            raise ValidationError(
                _("The records are still being counted; the bridge does that within a minute."),
                code="counting",
            )
        return _decide(current, actor, Redaction.State.APPROVED, current.selector)


def refuse(*, actor: str, redaction: Redaction) -> Redaction:
    """End it without any change; whoever asked may do so, too. Raises ValidationError.

    The selector goes: it may name the person.
    """
    check_actor(actor)
    with transaction.atomic():
        return _decide(_undecided(redaction), actor, Redaction.State.REFUSED, {})


def person_of(actor: str) -> str:
    """Whose name stands behind the way in: `admin:anna` and `token:anna` are one person."""
    return actor.partition(":")[2] or actor


def _undecided(redaction: Redaction) -> Redaction:
    current = Redaction.objects.select_for_update().get(pk=redaction.pk)
    if current.state != Redaction.State.ASKED:
        raise ValidationError(_("This was decided already."), code="decided")
    return current


def _decide(
    redaction: Redaction, actor: str, state: Redaction.State, selector: Mapping[str, Any]
) -> Redaction:
    redaction.state, redaction.selector = state, dict(selector)
    redaction.decided_at = timezone.now()
    # The two names differ by a constraint of the table: who takes a wish back decides nothing.
    taken_back = state == Redaction.State.REFUSED and actor[:150] == redaction.asked_by
    redaction.decided_by = "" if taken_back else actor[:150]
    redaction.save(update_fields=["state", "selector", "decided_at", "decided_by"])
    return redaction
