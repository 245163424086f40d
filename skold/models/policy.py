"""What the publisher remembers between two policies."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class PolicyState(models.Model):
    """The one row (id 1) with the highest number given to a policy. A number is committed here
    before the file of that number is written, so a disk that is ahead of this row shows that the
    database was restored from an older backup."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField(_("number"), default=0)
    published_at = models.DateTimeField(_("published"), null=True)

    class Meta:
        verbose_name = _("policy state")
        verbose_name_plural = _("policy state")

    def __str__(self) -> str:
        return f"policy {self.number}"
