"""How far the rules of the review have judged the audit."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ReviewMark(models.Model):
    """The next leaf of a node that the rules have not judged; moved with the findings they made.

    `writers` maps each writer that has not ended to the number its next record must have.
    `seen_leaf` and `seen_at`: where PostgreSQL's copy stood, and since when it stands there.
    """

    node = models.CharField(_("node"), primary_key=True, max_length=64)
    next_leaf = models.BigIntegerField(_("next leaf"), default=0)
    writers = models.JSONField(default=dict)
    seen_leaf = models.BigIntegerField(default=0)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("mark of the review")
        verbose_name_plural = _("marks of the review")

    def __str__(self) -> str:
        return f"{self.node}: {self.next_leaf}"
