"""What the commands of the migrator share: which source, and whether somebody agrees."""

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from migrator.models import Source


def get_source(name: str) -> Source:
    """Raises CommandError that lists the sources there are."""
    source = Source.objects.filter(pk=name).first()
    if source is None:
        known = ", ".join(Source.objects.values_list("name", flat=True)) or _("none yet")
        text = _("There is no source “%(name)s”; there are: %(known)s.")
        raise CommandError(text % {"name": name, "known": known})
    return source


def agrees(question: str) -> bool:
    """Whether the person at the terminal says yes; nobody there is no."""
    try:
        answer = input(question)
    except EOFError:
        return False
    return answer.strip().lower() in {"y", "yes", _("yes")}
