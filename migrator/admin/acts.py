"""What the page of a source has buttons for. Each is safe at any moment, recorded by name."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from migrator.models import Alarm, Application, RecordError, Source
from migrator.services import acts
from migrator.services.sources import change_source
from migrator.tasks import verify_source
from migrator.verify.slices import is_under_way
from skold.admin.actors import actor_of

Said = tuple[int, str]
"""Level and text of a message to the person."""


@dataclass(frozen=True, slots=True)
class Act:
    """`perform` does it as the person who is signed in."""

    permission: str
    perform: Callable[[HttpRequest, Source], Said]


def _pause(request: HttpRequest, source: Source) -> Said:
    change_source(actor=actor_of(request), source=source, settings={"sync_enabled": False})
    return messages.SUCCESS, _("Paused. What changes in legacy is kept until sync goes on.")


def _resume(request: HttpRequest, source: Source) -> Said:
    change_source(actor=actor_of(request), source=source, settings={"sync_enabled": True})
    return messages.SUCCESS, _("Sync goes on.")


def _try_again(request: HttpRequest, source: Source) -> Said:
    chosen = RecordError.objects.filter(source=source)
    if request.POST.get("error"):
        chosen = chosen.filter(pk__in=_numbers(request.POST["error"]))
    found = acts.try_again(actor=actor_of(request), errors=chosen)
    return messages.SUCCESS, _("%(count)d records are tried again by the sync.") % {"count": found}


def _switched(request: HttpRequest, source: Source) -> Said:
    return _switch(request, source, switched=True)


def _not_switched(request: HttpRequest, source: Source) -> Said:
    return _switch(request, source, switched=False)


def _switch(request: HttpRequest, source: Source, *, switched: bool) -> Said:
    wanted = _numbers(request.POST.get("application", ""))
    application = Application.objects.filter(source=source, pk__in=wanted).first()
    if application is None:
        return messages.ERROR, _("There is no such application any more.")
    acts.mark_switched(actor=actor_of(request), application=application, switched=switched)
    said = _("%(name)s uses this server.") if switched else _("%(name)s uses legacy.")
    return messages.SUCCESS, said % {"name": application.name}


def _decide(request: HttpRequest, source: Source) -> Said:
    wanted = _numbers(request.POST.get("alarm", ""))
    alarm = Alarm.objects.filter(source=source, pk__in=wanted).first()
    if alarm is None:
        return messages.ERROR, _("There is no such alarm any more.")
    try:
        acts.decide(actor=actor_of(request), alarm=alarm, decision=request.POST.get("decision", ""))
    except ValidationError as error:
        return messages.ERROR, " ".join(error.messages)
    return messages.SUCCESS, _("Decided. The migrator carries it out within seconds.")


def _verify(_request: HttpRequest, source: Source) -> Said:
    if is_under_way(source):
        return messages.INFO, _("A verification is under way already.")
    try:
        verify_source.delay(source.pk)
    except OperationalError:
        said = _("The worker cannot be asked now. Try: manage.py legacy_verify %(name)s")
        return messages.ERROR, said % {"name": source.pk}
    return messages.SUCCESS, _("The worker verifies. Load this page again to see how far it is.")


def _numbers(text: str) -> list[int]:
    return [int(text)] if text.isdecimal() and len(text) < 18 else []


ACTS = {
    "pause": Act("migrator.change_source", _pause),
    "resume": Act("migrator.change_source", _resume),
    "try-again": Act("migrator.change_recorderror", _try_again),
    "switched": Act("migrator.change_application", _switched),
    "not-switched": Act("migrator.change_application", _not_switched),
    "verify": Act("migrator.add_verification", _verify),
    "decide": Act("migrator.change_alarm", _decide),
}
