"""PostgreSQL's copy of the ledger, read only. Written by skold.ledger.copier and nothing else."""

from typing import Any, NoReturn

from django.db import models
from django.db.models import F, Func, Value
from django.db.models.fields.json import KeyTextTransform
from django.utils.translation import gettext_lazy as _


class LedgerMark(models.Model):
    """How far a node's ledger has been copied: the next leaf to come. Moved by the transaction
    that COPYs the rows, so each record arrives exactly once."""

    node = models.CharField(_("node"), primary_key=True, max_length=64)
    next_leaf = models.BigIntegerField(_("next leaf"), default=0)

    class Meta:
        verbose_name = _("ledger mark")
        verbose_name_plural = _("ledger marks")

    def __str__(self) -> str:
        return f"{self.node}: {self.next_leaf}"


class AuditImmutableError(TypeError):
    """Audit records are not changed through the database."""


class TextHash(Func):
    """Eight bytes of a text of any length, as the indexes of migration 0008 hold them."""

    function = "hashtextextended"
    template = "%(function)s(%(expressions)s, 0)"
    output_field = models.BigIntegerField()


class AuditQuerySet(models.QuerySet["AuditRecord"]):
    """Only reads."""

    def delete(self) -> NoReturn:
        raise AuditImmutableError("audit records cannot be deleted")

    def update(self, **kwargs: Any) -> NoReturn:
        raise AuditImmutableError(f"audit records cannot be changed ({', '.join(kwargs)})")

    def at_position(self, record_id: str) -> "AuditQuerySet":
        """The record named `node:leaf`, found by the primary key of its partitions.

        Nothing matches a name of another form.
        """
        node, _colon, leaf = record_id.rpartition(":")
        if not leaf.isascii() or not leaf.isdigit() or len(leaf) > 18:
            return self.none()
        return self.filter(node=node, leaf_index=int(leaf))

    def of_end_user(self, name: str) -> "AuditQuerySet":
        """Requests on behalf of exactly this person, whose name was not redacted."""
        return self._of_personal("end_user", name)

    def of_network(self, address: str) -> "AuditQuerySet":
        """Requests from exactly this address, as the record spells it."""
        return self._of_personal("network", address)

    def of_writer(self, writer: str) -> "AuditQuerySet":
        """Records of one writer; by index for those of kind `req`."""
        return self.alias(writer_hash=TextHash(F("writer"))).filter(
            writer_hash=TextHash(Value(writer)), writer=writer
        )

    def _of_personal(self, name: str, value: str) -> "AuditQuerySet":
        # The hash has the index, the text decides.
        text = KeyTextTransform(name, "private")
        return self.alias(personal=text, personal_hash=TextHash(text)).filter(
            kind="req", personal_hash=TextHash(Value(value)), personal=value
        )


class AuditRecord(models.Model):
    """One leaf of a node's ledger: a request (`req`), its end (`done`) or a mark in a writer's
    life.

    A view over the partitioned table `skold_audit`, whose key is (node, leaf_index, at). A `done`
    row repeats what its request asked for, so one row answers "who got status 500 on what".
    `private` is {} once redacted.
    """

    id = models.CharField(primary_key=True, max_length=96)
    node = models.CharField(_("node"), max_length=64)
    leaf_index = models.BigIntegerField(_("leaf"))
    at = models.DateTimeField(_("time"))
    writer = models.CharField(_("writer"), max_length=200)
    n = models.BigIntegerField(_("number"))
    kind = models.CharField(_("record"), max_length=16)
    ref = models.BigIntegerField(_("request record"), null=True)
    request_id = models.CharField(_("request id"), max_length=128, null=True)
    plane = models.CharField(_("plane"), max_length=16, null=True)
    method = models.CharField(_("method"), max_length=16, null=True)
    action = models.CharField(_("action"), max_length=16, null=True)
    decision = models.CharField(_("decision"), max_length=8, null=True)
    reason = models.CharField(_("reason"), max_length=128, null=True)
    rule = models.CharField(_("rule"), max_length=128, null=True)
    client = models.CharField(_("client"), max_length=64, null=True)
    credential = models.CharField(_("credential"), max_length=128, null=True)
    end_user_known = models.CharField(_("end user known by"), max_length=16, null=True)
    collection = models.CharField(_("collection"), max_length=64, null=True)
    address = models.CharField(_("address of the file"), max_length=32, null=True)
    version = models.CharField(_("version"), max_length=24, null=True)
    resource = models.CharField(_("resource"), max_length=200, null=True)
    status = models.IntegerField(_("status"), null=True)
    outcome = models.CharField(_("outcome"), max_length=64, null=True)
    bytes = models.BigIntegerField(_("bytes"), null=True)
    microseconds = models.BigIntegerField(_("duration in µs"), null=True)
    private = models.JSONField(_("personal part"))
    body = models.BinaryField(_("body of the leaf"))

    objects = AuditQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "skold_audit_view"
        verbose_name = _("audit record")
        verbose_name_plural = _("audit records")
        ordering = ["-at", "-node", "-leaf_index"]

    def __str__(self) -> str:
        return self.id

    def save(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AuditImmutableError("audit records are written by the bridge only")

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise AuditImmutableError("audit records cannot be deleted")
