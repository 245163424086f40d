"""What rules have noticed in the audit, and what people said of it."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Finding(models.Model):
    """Something that a rule noticed and a person is to look at. Found once: `key` is unique.

    `since` and `until` bound the records it is about, `facts` hold numbers and names for people
    and for the list that shows them (`filters`: parameters of the audit's list).
    """

    class Rule(models.TextChoices):
        BURST = "burst", _("Unusually many accesses")
        REFUSALS = "refusals", _("Refusals in a row")
        GUESSING = "guessing", _("Guessing of credentials")
        NEW_ADDRESS = "new_address", _("Client from a new address")
        GAP = "gap", _("Gap in the records")
        VERIFICATION = "verification", _("Verification failed")
        UNANCHORED = "unanchored", _("Checkpoints not anchored")

    class Severity(models.TextChoices):
        NOTICE = "notice", _("notice")
        WARNING = "warning", _("warning")
        ALARM = "alarm", _("alarm")

    class Verdict(models.TextChoices):
        OPEN = "open", _("open")
        HARMLESS = "harmless", _("harmless")
        WATCHED = "watched", _("being watched")
        INCIDENT = "incident", _("incident")

    rule = models.CharField(_("rule"), max_length=16, choices=Rule.choices)
    key = models.CharField(max_length=200, unique=True, editable=False)
    severity = models.CharField(_("severity"), max_length=8, choices=Severity.choices)
    client = models.CharField(_("client"), max_length=64, blank=True)
    node = models.CharField(_("node"), max_length=64, blank=True)
    since = models.DateTimeField(_("from"))
    until = models.DateTimeField(_("to"))
    count = models.BigIntegerField(_("records"), default=0)
    facts = models.JSONField(_("facts"), default=dict)
    found_at = models.DateTimeField(_("found"), default=timezone.now)
    verdict = models.CharField(
        _("verdict"), max_length=8, choices=Verdict.choices, default=Verdict.OPEN
    )

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ["-found_at", "-id"]
        indexes = [models.Index(fields=["verdict", "-found_at"], name="skold_finding_verdict")]
        permissions = [("review_finding", _("Can give a verdict on findings"))]

    def __str__(self) -> str:
        return f"{self.get_rule_display()} ({self.found_at:%Y-%m-%d})"


class Review(models.Model):
    """One person's verdict and comment; never changed, the newest one counts."""

    finding = models.ForeignKey(
        Finding, models.PROTECT, related_name="reviews", verbose_name=_("finding")
    )
    verdict = models.CharField(_("verdict"), max_length=8, choices=Finding.Verdict.choices)
    comment = models.TextField(_("comment"), max_length=4000)
    by = models.CharField(_("reviewed by"), max_length=150, editable=False)
    at = models.DateTimeField(_("reviewed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.finding_id}: {self.verdict}"


class Redaction(models.Model):
    """A wish to take private parts out of the ledger: one person asks, another one approves, the
    bridge carries it out."""

    class State(models.TextChoices):
        ASKED = "asked", _("waits for a second person")
        APPROVED = "approved", _("waits for the bridge")
        DONE = "done", _("carried out")
        REFUSED = "refused", _("refused")

    class Kind(models.TextChoices):
        END_USER = "end_user", _("All records of an end user")
        KEY = "key", _("All records of a file's key")
        RECORDS = "records", _("Single records")

    kind = models.CharField(_("which"), max_length=8, choices=Kind.choices)
    selector = models.JSONField(_("selector"))
    reason = models.TextField(_("reason"), max_length=2000)
    state = models.CharField(
        _("state"), max_length=8, choices=State.choices, default=State.ASKED, editable=False
    )
    asked_by = models.CharField(_("asked by"), max_length=150, editable=False)
    asked_at = models.DateTimeField(_("asked"), default=timezone.now, editable=False)
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True, editable=False)
    decided_at = models.DateTimeField(_("decided"), null=True, editable=False)
    done_at = models.DateTimeField(_("carried out"), null=True, editable=False)
    records = models.BigIntegerField(_("records"), null=True, editable=False)
    error = models.CharField(_("last error"), max_length=500, blank=True, editable=False)

    class Meta:
        verbose_name = _("redaction")
        verbose_name_plural = _("redactions")
        ordering = ["-asked_at", "-id"]
        permissions = [
            ("ask_redaction", _("Can ask for a redaction")),
            ("approve_redaction", _("Can approve a redaction")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decided_by="") | ~models.Q(decided_by=models.F("asked_by")),
                name="skold_redaction_two_persons",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.asked_at:%Y-%m-%d})"
