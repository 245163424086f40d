"""Verdicts on findings: added, never changed. PostgreSQL refuses to alter a review as well."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from skold.models import Finding, Review
from skold.services.rules import check_actor

VERDICTS = [choice for choice in Finding.Verdict.choices if choice[0] != Finding.Verdict.OPEN]
"""What a person may say; `open` is only what nobody has looked at."""


def review(*, actor: str, finding: Finding, verdict: str, comment: str) -> Review:
    """Add a verdict with its reason; the newest one counts. Raises ValidationError naming the
    field.
    """
    check_actor(actor)
    if verdict not in dict(VERDICTS):
        raise ValidationError({"verdict": _("Choose harmless, being watched or incident.")})
    if not comment.strip():
        raise ValidationError({"comment": _("Say why, for whoever reads it later.")})
    with transaction.atomic():
        held = Finding.objects.select_for_update().get(pk=finding.pk)
        said = Review(finding=held, verdict=verdict, comment=comment.strip(), by=actor)
        said.full_clean()
        said.save(force_insert=True)
        held.verdict = verdict
        held.save(update_fields=["verdict"])
    finding.verdict = verdict
    return said
