"""What the control plane knows of sources and of how far they are.

The disk says what was imported and the legacy database what is pending; here stand only decisions
of people, positions of long work, errors and what was found, so that losing these rows loses no
file.
"""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Source(models.Model):
    """One kind of file in one legacy database."""

    class Mode(models.TextChoices):
        LEGACY = "legacy", _("legacy: answered from the legacy database")
        SHADOW = "shadow", _("shadow: answered from legacy, a share compared with disk")
        HYBRID = "hybrid", _("hybrid: answered from disk, missing files imported on the way")
        WRITEBACK = "writeback", _("writeback: disk alone, changes written back to legacy")
        DISK = "disk", _("disk: disk alone")

    class Capture(models.TextChoices):
        TRIGGERS = "triggers", _("change log filled by triggers")
        COMPARISON = "comparison", _("ordered comparison")
        XID = "xid", _("xid8 column of an append-only table")

    name = models.SlugField(_("name"), max_length=32, primary_key=True)
    description = models.JSONField(_("description"))
    mode = models.CharField(_("mode"), max_length=16, choices=Mode, default=Mode.LEGACY)
    final = models.BooleanField(
        _("final"), default=False, help_text=_("Disk was declared final: there is no way back.")
    )
    capture = models.CharField(
        _("capture"), max_length=16, choices=Capture, default=Capture.TRIGGERS
    )
    xid_column = models.CharField(_("xid8 column"), max_length=63, blank=True)
    compare_each = models.PositiveIntegerField(
        _("compare each (seconds)"), default=3600, help_text=_("Where no trigger is allowed.")
    )
    sync_enabled = models.BooleanField(_("sync is on"), default=False)
    max_rate = models.PositiveBigIntegerField(
        _("limit (bytes a second)"), null=True, blank=True, help_text=_("Empty: no limit.")
    )
    connections = models.PositiveSmallIntegerField(
        _("connections"), default=4, validators=[MinValueValidator(1), MaxValueValidator(64)]
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_to = models.TimeField(_("quiet to"), null=True, blank=True)
    shadow_share = models.PositiveSmallIntegerField(
        _("share compared in shadow (percent)"), default=10, validators=[MaxValueValidator(100)]
    )

    records_estimated = models.PositiveBigIntegerField(_("records"), default=0)
    backfill_after = ArrayField(
        models.TextField(), verbose_name=_("backfilled up to"), null=True, blank=True
    )
    backfill_started_at = models.DateTimeField(_("backfill began"), null=True, blank=True)
    backfill_finished_at = models.DateTimeField(_("backfill ended"), null=True, blank=True)
    backfill_records = models.PositiveBigIntegerField(_("records looked at"), default=0)
    # Up to where the xid8 column was read: {"below": snapshot's xmin, "xid": …, "record": […]}.
    xid_position = models.JSONField(_("read up to"), default=dict, blank=True)
    # The whole comparison under way; empty: none.
    comparison = models.JSONField(_("comparison"), default=dict, blank=True)
    comparison_wanted_at = models.DateTimeField(_("comparison wanted"), null=True, blank=True)
    compared_at = models.DateTimeField(
        _("compared"), null=True, blank=True, help_text=_("When the last whole one began.")
    )
    files_imported = models.PositiveBigIntegerField(_("files imported"), default=0)
    bytes_imported = models.PositiveBigIntegerField(_("bytes imported"), default=0)
    sync_seen_at = models.DateTimeField(_("sync last ran"), null=True, blank=True)
    caught_up_at = models.DateTimeField(
        _("caught up"), null=True, blank=True, help_text=_("When no change was waiting last.")
    )
    backlog = models.PositiveBigIntegerField(_("changes waiting"), default=0)
    oldest_change_at = models.DateTimeField(_("oldest change waiting"), null=True, blank=True)
    held_back_by = models.JSONField(_("held back by"), default=dict, blank=True)
    last_error = models.CharField(_("last error"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class LegacyAddress(models.Model):
    """A pattern of old URLs that leads to keys of a source."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="addresses")
    pattern = models.CharField(_("pattern"), max_length=200, unique=True)
    key = models.CharField(_("key"), max_length=200)
    client = models.ForeignKey(
        "skold.Client",
        models.PROTECT,
        verbose_name=_("client of requests without a credential"),
        null=True,
        blank=True,
    )
    placeholder = models.CharField(
        _("placeholder"), max_length=512, blank=True, help_text=_("Key shown for absent files.")
    )

    class Meta:
        verbose_name = _("legacy address")
        verbose_name_plural = _("legacy addresses")
        ordering = ["pattern"]

    def __str__(self) -> str:
        return self.pattern


class Application(models.Model):
    """A system that reads or writes files of a source, and whether it uses this server by now."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="applications")
    name = models.CharField(_("name"), max_length=100)
    reads = models.BooleanField(_("reads"), default=True)
    writes = models.BooleanField(_("writes"), default=False)
    switched_at = models.DateTimeField(_("switched"), null=True, blank=True)
    switched_by = models.CharField(_("switched by"), max_length=150, blank=True)

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ["source", "name"]
        constraints = [
            models.UniqueConstraint(fields=["source", "name"], name="migrator_application_once")
        ]

    def __str__(self) -> str:
        return self.name


class RecordError(models.Model):
    """A legacy record that cannot be imported, by the name of its error, until it can."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="errors")
    record = ArrayField(models.TextField(), verbose_name=_("record"))
    key = models.CharField(_("key"), max_length=512, blank=True)
    error = models.CharField(_("error"), max_length=64)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    first_at = models.DateTimeField(_("first seen"), auto_now_add=True)
    last_at = models.DateTimeField(_("last seen"))
    tries = models.PositiveIntegerField(_("tries"), default=1)
    retry_at = models.DateTimeField(_("tried again"), null=True, blank=True)
    # Changes in the log that the last try knew of: another one makes it worth a try at once.
    events = ArrayField(models.BigIntegerField(), verbose_name=_("changes"), default=list)

    class Meta:
        verbose_name = _("record that failed")
        verbose_name_plural = _("records that failed")
        ordering = ["-last_at"]
        constraints = [
            models.UniqueConstraint(fields=["source", "record"], name="migrator_error_once")
        ]
        indexes = [models.Index(fields=["source", "retry_at"], name="migrator_error_retry")]

    def __str__(self) -> str:
        return f"{self.source_id} {'/'.join(self.record)}: {self.error}"


class Verification(models.Model):
    """One comparison of a source with the disk, in both directions, by digest of the content."""

    class Phase(models.TextChoices):
        THERE = "there", _("every legacy record against the disk")
        HERE = "here", _("every stored file against legacy")
        DONE = "done", _("finished")

    source = models.ForeignKey(Source, models.CASCADE, related_name="verifications")
    phase = models.CharField(_("phase"), max_length=8, choices=Phase, default=Phase.THERE)
    position = models.JSONField(_("position"), null=True, blank=True)
    started_at = models.DateTimeField(_("began"), auto_now_add=True)
    seen_at = models.DateTimeField(_("last ran"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)
    compared = models.PositiveBigIntegerField(_("compared"), default=0)
    compared_bytes = models.PositiveBigIntegerField(_("bytes compared"), default=0)
    equal = models.PositiveBigIntegerField(_("equal"), default=0)
    missing_here = models.PositiveBigIntegerField(_("missing here"), default=0)
    missing_there = models.PositiveBigIntegerField(_("missing in legacy"), default=0)
    different = models.PositiveBigIntegerField(_("different"), default=0)
    unreadable = models.PositiveBigIntegerField(_("unreadable"), default=0)
    digest = models.CharField(
        _("digest"), max_length=64, blank=True, help_text=_("SHA-256 over all keys and digests.")
    )

    class Meta:
        verbose_name = _("verification")
        verbose_name_plural = _("verifications")
        ordering = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.source_id} {self.started_at:%Y-%m-%d %H:%M}"


class Difference(models.Model):
    """What a verification, or a comparison in shadow, found to differ."""

    class Kind(models.TextChoices):
        MISSING_HERE = "missing_here", _("missing here")
        MISSING_THERE = "missing_there", _("missing in legacy")
        DIFFERENT = "different", _("different")
        UNREADABLE = "unreadable", _("unreadable")

    source = models.ForeignKey(Source, models.CASCADE, related_name="differences")
    verification = models.ForeignKey(
        Verification, models.CASCADE, related_name="differences", null=True, blank=True
    )
    record = ArrayField(models.TextField(), verbose_name=_("record"), default=list)
    key = models.CharField(_("key"), max_length=512, blank=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    found_at = models.DateTimeField(_("found"), auto_now_add=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = ["-found_at"]
        indexes = [models.Index(fields=["source", "resolved_at"], name="migrator_difference_open")]

    def __str__(self) -> str:
        return f"{self.key}: {self.kind}"


class Alarm(models.Model):
    """Something only a person can decide: a change in legacy after the writers had switched."""

    class Kind(models.TextChoices):
        FOREIGN_CHANGE = "foreign_change", _("changed in legacy after the switch")
        WRITE_BACK_FAILED = "write_back_failed", _("cannot be written back")

    class Decision(models.TextChoices):
        TAKE_LEGACY = "take_legacy", _("take the state of legacy as the next version")
        KEEP_OURS = "keep_ours", _("keep ours and write it back")

    source = models.ForeignKey(Source, models.CASCADE, related_name="alarms")
    kind = models.CharField(_("kind"), max_length=24, choices=Kind)
    record = ArrayField(models.TextField(), verbose_name=_("record"), default=list)
    key = models.CharField(_("key"), max_length=512, blank=True)
    detail = models.CharField(_("detail"), max_length=500, blank=True)
    # Changes in the log that the decision is about; those that come after it raise another alarm.
    events = ArrayField(models.BigIntegerField(), verbose_name=_("changes"), default=list)
    raised_at = models.DateTimeField(_("raised"), auto_now_add=True)
    decision = models.CharField(_("decision"), max_length=16, choices=Decision, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decided_by = models.CharField(_("decided by"), max_length=150, blank=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("alarm")
        verbose_name_plural = _("alarms")
        ordering = ["-raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "record"],
                condition=models.Q(settled_at=None),
                name="migrator_alarm_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.source_id} {'/'.join(self.record)}: {self.kind}"


class CutOver(models.Model):
    """One change of mode, asked for, with what its gates said and the signed certificate."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="cutovers")
    from_mode = models.CharField(_("from"), max_length=16, choices=Source.Mode)
    to_mode = models.CharField(_("to"), max_length=16, choices=Source.Mode)
    asked_by = models.CharField(_("asked by"), max_length=150)
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    gates = models.JSONField(_("gates"), default=list)
    statement = models.JSONField(_("statement"), null=True, blank=True)
    certificate = models.JSONField(
        _("certificate"), null=True, blank=True, help_text=_("The statement, signed by the bridge.")
    )
    signed_at = models.DateTimeField(_("signed"), null=True, blank=True)

    class Meta:
        verbose_name = _("cut-over")
        verbose_name_plural = _("cut-overs")
        ordering = ["-asked_at"]

    def __str__(self) -> str:
        return f"{self.source_id}: {self.from_mode} -> {self.to_mode}"


class DailyReads(models.Model):
    """Reads of a source on one UTC day that legacy had a part in, counted from the audit."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="days")
    day = models.DateField(_("day"))
    from_legacy = models.PositiveBigIntegerField(_("answered from legacy"), default=0)
    imported = models.PositiveBigIntegerField(_("imported on the way"), default=0)
    unchecked = models.PositiveBigIntegerField(_("not compared with legacy"), default=0)
    compared = models.PositiveBigIntegerField(_("compared in shadow"), default=0)
    different = models.PositiveBigIntegerField(_("different in shadow"), default=0)

    class Meta:
        verbose_name = _("reads of a day")
        verbose_name_plural = _("reads by day")
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["source", "day"], name="migrator_day_once")]

    def __str__(self) -> str:
        return f"{self.source_id} {self.day}"


class AuditMark(models.Model):
    """How far the audit of a node was counted into `DailyReads`."""

    node = models.CharField(max_length=64, primary_key=True)
    next_leaf = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("mark in the audit")
        verbose_name_plural = _("marks in the audit")

    def __str__(self) -> str:
        return f"{self.node}: {self.next_leaf}"
