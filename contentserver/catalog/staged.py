"""Uploads in progress, as the bridge saw them last on its node's disk. They are facts of the disk
like all of the catalog, outdated by some seconds; nothing decides by them.
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class UploadInProgress(models.Model):
    """An upload that is not committed. Keys and names of files are left out: while nothing is
    stored nobody need know whom it will be about.
    """

    class State(models.TextChoices):
        RECEIVING = "receiving", _("receiving")
        COMPLETE = "complete", _("complete")
        REFUSED = "refused", _("refused by a check")
        EXPIRED = "expired", _("past its time")

    id = models.UUIDField(_("upload"), primary_key=True, editable=False)
    node = models.CharField(_("node"), max_length=64)
    root = models.CharField(_("storage root"), max_length=64)
    client = models.CharField(_("client"), max_length=64)
    collection = models.CharField(_("collection"), max_length=64)
    length = models.BigIntegerField(_("length"), null=True)
    offset = models.BigIntegerField(_("received"))
    held = models.BigIntegerField(_("on disk"))
    commit_auto = models.BooleanField(_("commits itself"))
    refused = models.BooleanField(_("refused by a check"))
    created_at = models.DateTimeField(_("begun"))
    expires_at = models.DateTimeField(_("expires"))
    seen_at = models.DateTimeField(_("seen"))

    FACTS: ClassVar = (
        *("node", "root", "client", "collection", "length", "offset", "held"),
        *("commit_auto", "refused", "created_at", "expires_at", "seen_at"),
    )
    """All that may change when an upload is seen again."""

    class Meta:
        verbose_name = _("upload in progress")
        verbose_name_plural = _("uploads in progress")
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def state(self) -> str:
        """What most needs to be known of it now."""
        if self.refused:
            return self.State.REFUSED
        complete = self.offset == self.length
        if self.expires_at <= timezone.now() and not (complete and self.commit_auto):
            return self.State.EXPIRED
        return self.State.COMPLETE if complete else self.State.RECEIVING
