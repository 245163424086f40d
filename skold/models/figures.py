"""Sums that the copier keeps beside the audit, in the transaction that brings the records.

So each record is counted once, and a dashboard asks a few hundred rows instead of millions.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditHour(models.Model):
    """Ended accesses of one hour (UTC), by what people compare."""

    hour = models.DateTimeField(_("hour"))
    node = models.CharField(_("node"), max_length=64)
    plane = models.CharField(_("plane"), max_length=16, blank=True)
    client = models.CharField(_("client"), max_length=64, blank=True)
    action = models.CharField(_("action"), max_length=16, blank=True)
    decision = models.CharField(_("decision"), max_length=8, blank=True)
    outcome = models.CharField(_("outcome"), max_length=64, blank=True)
    count = models.BigIntegerField(_("accesses"))
    bytes = models.BigIntegerField(_("bytes"))

    class Meta:
        verbose_name = _("hour of accesses")
        verbose_name_plural = _("hours of accesses")
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "node", "plane", "client", "action", "decision", "outcome"],
                name="skold_audithour_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}h {self.client} {self.count}"


class CredentialUse(models.Model):
    """When a credential opened something last."""

    credential = models.CharField(_("credential"), primary_key=True, max_length=128)
    last_used_at = models.DateTimeField(_("last used"))

    class Meta:
        verbose_name = _("use of a credential")
        verbose_name_plural = _("uses of credentials")

    def __str__(self) -> str:
        return f"{self.credential}: {self.last_used_at:%Y-%m-%d %H:%M}"


class KnownNetwork(models.Model):
    """A network (/24 or /64) from which a client was let in, and since when."""

    client = models.CharField(_("client"), max_length=64)
    network = models.CharField(_("network"), max_length=49)
    first_at = models.DateTimeField(_("first seen"))
    last_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("known network")
        verbose_name_plural = _("known networks")
        constraints = [
            models.UniqueConstraint(fields=["client", "network"], name="skold_knownnetwork_key")
        ]

    def __str__(self) -> str:
        return f"{self.client}: {self.network}"


class ArchivedMonth(models.Model):
    """A month of one node's audit that left PostgreSQL: a verified bundle holds it.

    `path` lies below the archive folder. `leaves`: how many the ledger held when the bundle was
    made; every record of the month below that number is in it. `standing` says whether its records
    are in PostgreSQL as well: not put away yet, or read back for a while.
    """

    node = models.CharField(_("node"), max_length=64)
    month = models.DateField(_("month"))
    path = models.CharField(_("file"), max_length=500)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField(_("size"))
    records = models.BigIntegerField(_("records"))
    leaves = models.BigIntegerField(default=0, editable=False)
    archived_at = models.DateTimeField(_("archived"))
    archived_by = models.CharField(_("archived by"), max_length=150)
    standing = models.BooleanField(_("readable here"), default=False)

    class Meta:
        verbose_name = _("archived month")
        verbose_name_plural = _("archived months")
        ordering = ["-month", "node"]
        constraints = [
            models.UniqueConstraint(fields=["node", "month"], name="skold_archivedmonth_key")
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} ({self.node})"
