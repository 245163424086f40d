"""What people say of a running migration. Each act may be repeated."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from migrator.models import Alarm, Application, RecordError
from skold.services.rules import check_actor


def try_again(*, actor: str, errors: QuerySet[RecordError]) -> int:
    """Have the sync try these legacy records at its next turn, and by its rule again afterwards;
    returns how many there are.
    """
    check_actor(actor)
    return errors.update(retry_at=timezone.now(), tries=1)


def mark_switched(*, actor: str, application: Application, switched: bool) -> None:
    """Note that an application uses this server by now, or does so no longer."""
    check_actor(actor)
    wanted = Application.objects.filter(pk=application.pk, switched_at__isnull=switched)
    if switched:
        wanted.update(switched_at=timezone.now(), switched_by=actor[:150])
    else:
        wanted.update(switched_at=None, switched_by="")


def decide(*, actor: str, alarm: Alarm, decision: str) -> None:
    """Say which state of a file counts; the migrator carries it out. Raises ValidationError when
    somebody was faster.
    """
    check_actor(actor)
    if decision not in Alarm.Decision.values:
        raise ValidationError({"decision": _("Choose one of the two states.")})
    with transaction.atomic():
        current = Alarm.objects.select_for_update().get(pk=alarm.pk)
        if current.kind != Alarm.Kind.FOREIGN_CHANGE:
            raise ValidationError(_("This is tried again by itself; put right what it names."))
        if current.decision or current.settled_at:
            raise ValidationError(_("This was decided already."), code="decided")
        current.decision = decision
        current.decided_at, current.decided_by = timezone.now(), actor[:150]
        current.save(update_fields=["decision", "decided_at", "decided_by"])
