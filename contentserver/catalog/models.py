"""The catalog: an index in PostgreSQL of what the disk holds. Searching, listing and the change
feed read it; no file is ever served from it. Everything here but `Collection` can be made again
from the disk (`rebuild_catalog`).

Values are bytes, UTC times and the store's own identifiers: a file's id is its address on disk, so
an id stays the same whoever rebuilds the catalog, and leads from a row to the disk and to the audit
without a table in between.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from contentserver.catalog import validators


class Collection(models.Model):
    """The rules of one collection. They reach the data plane through the signed policy, within a
    second.

    `name` is part of every file's address and therefore never changes.
    """

    class Erasure(models.TextChoices):
        NONE = "none", _("Not erasable")
        KEY = "key", _("By the whole key")
        FIRST_SEGMENT = "first_segment", _("By the first segment of the key")
        FIELD = "field", _("By the Data-Subject given at upload")

    class OnBehalfOf(models.TextChoices):
        OPTIONAL = "optional", _("Optional")
        REQUIRED = "required", _("Required")
        FORBIDDEN = "forbidden", _("Forbidden")
        PROOF = "proof", _("Required, with proof (signed URL or token)")

    name = models.CharField(
        _("name"),
        max_length=64,
        primary_key=True,
        validators=[validators.collection_name],
        help_text=_(
            "Lower-case letters, digits, - and _. Part of every address: it can never be changed."
        ),
    )
    description = models.CharField(_("description"), max_length=200, blank=True)
    max_size = models.BigIntegerField(
        _("largest file (bytes)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Empty: no limit."),
    )
    media_types = ArrayField(
        models.CharField(max_length=127, validators=[validators.media_type_pattern]),
        verbose_name=_("media types accepted"),
        default=list,
        blank=True,
        help_text=_("Separated by commas, for example image/jpeg, image/*. Empty: all."),
    )
    inline_types = ArrayField(
        models.CharField(max_length=127, validators=[validators.media_type_pattern]),
        verbose_name=_("media types shown inline"),
        default=list,
        blank=True,
        help_text=_(
            "All others are sent as an attachment, so that no uploaded page runs in a browser."
        ),
    )
    erasure = models.CharField(
        _("erasable"),
        max_length=16,
        choices=Erasure,
        default=Erasure.KEY,
        help_text=_(
            "Whose erasure key the files depend on. A change concerns files stored after it."
        ),
    )
    on_behalf_of = models.CharField(
        _("naming the end user"), max_length=16, choices=OnBehalfOf, default=OnBehalfOf.OPTIONAL
    )
    url_lifetime = models.PositiveIntegerField(
        _("longest life of a signed URL (seconds)"),
        default=3600,
        validators=[MinValueValidator(1), MaxValueValidator(7 * 86_400)],
    )
    cache_control = models.CharField(
        _("Cache-Control of exact versions"),
        max_length=200,
        null=True,
        blank=True,
        validators=[validators.header_value],
        help_text=_("Empty: private, no-cache. Whatever a cache answers is missing in the audit."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("collection")
        verbose_name_plural = _("collections")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class StorageRoot(models.Model):
    """A storage root as its root.json names it; written by the bridge of the node that holds it."""

    node = models.CharField(_("node"), max_length=64)
    name = models.CharField(_("name"), max_length=64)
    path = models.CharField(_("path"), max_length=1024)
    total_bytes = models.BigIntegerField(_("size"), default=0)
    free_bytes = models.BigIntegerField(_("free"), default=0)
    present = models.BooleanField(_("present"), default=True)
    seen_at = models.DateTimeField(_("seen"))

    class Meta:
        verbose_name = _("storage root")
        verbose_name_plural = _("storage roots")
        ordering = ["node", "name"]
        constraints = [
            models.UniqueConstraint(fields=["node", "name"], name="contentserver_root_once")
        ]

    def __str__(self) -> str:
        return f"{self.node}/{self.name}"


class Year(models.Model):
    """Where a year lies, and what it takes. One row for each root that holds it: two while a year
    is being moved.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open: takes commits")
        IMPORTING = "importing", _("importing: takes imports of an earlier year")
        SEALED = "sealed", _("sealed: takes nothing")
        MOVING = "moving", _("moving: sealed, on two roots")

    year = models.PositiveSmallIntegerField(_("year"))
    root = models.CharField(_("storage root"), max_length=64)
    state = models.CharField(_("state"), max_length=16, choices=State)
    layout_number = models.BigIntegerField(_("since layout"))

    class Meta:
        verbose_name = _("year")
        verbose_name_plural = _("years")
        ordering = ["-year", "root"]
        constraints = [
            models.UniqueConstraint(fields=["year", "root"], name="contentserver_year_once")
        ]

    def __str__(self) -> str:
        return f"{self.year} ({self.root})"


class PublishedLayout(models.Model):
    """Every layout the bridge has met on disk; the one in force is the file's."""

    number = models.BigIntegerField(_("number"), primary_key=True)
    payload = models.JSONField(_("layout"))
    issued_at = models.DateTimeField(_("issued"))
    recorded_at = models.DateTimeField(_("recorded"), auto_now_add=True)

    class Meta:
        verbose_name = _("layout")
        verbose_name_plural = _("layouts")
        ordering = ["-number"]

    def __str__(self) -> str:
        return str(self.number)


class LayoutRequest(models.Model):
    """What an operator asked of the layout. The bridge, which alone holds the signing key, answers
    it.
    """

    class Kind(models.TextChoices):
        OPEN_YEAR = "open_year", _("open a year")
        IMPORT_YEAR = "import_year", _("open an earlier year for imports")

    kind = models.CharField(_("request"), max_length=16, choices=Kind)
    year = models.PositiveSmallIntegerField(_("year"))
    root = models.CharField(_("storage root"), max_length=64)
    requested_by = models.CharField(_("requested by"), max_length=150)
    requested_at = models.DateTimeField(_("requested"), auto_now_add=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    layout_number = models.BigIntegerField(_("in layout"), null=True)
    refusal = models.CharField(_("refused because"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("layout request")
        verbose_name_plural = _("layout requests")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.year}"


class File(models.Model):
    """A key of a collection with the facts of its latest version. Its id is its address on disk."""

    id = models.UUIDField(_("address"), primary_key=True, editable=False)
    collection = models.CharField(_("collection"), max_length=64)
    # "C": bytewise, so that a prefix is a range of the index whatever the database's language.
    key = models.CharField(_("key"), max_length=512, db_collation="C")
    year = models.PositiveSmallIntegerField(_("year"))
    number = models.PositiveIntegerField(_("number"))
    size = models.BigIntegerField(_("size"))
    sha256 = models.BinaryField(_("SHA-256"), max_length=32, null=True)
    media_type = models.CharField(_("media type"), max_length=127, blank=True)
    filename = models.CharField(_("file name"), max_length=255, blank=True)
    created_by = models.CharField(_("stored by"), max_length=64, blank=True)
    committed_at = models.DateTimeField(_("stored"))
    deleted = models.BooleanField(_("deleted"), default=False)

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        permissions = [("download_file", _("Can download the content of files"))]
        constraints = [
            models.UniqueConstraint(fields=["collection", "key"], name="contentserver_file_once"),
        ]
        # Each ends in the id: that is the order the cursors walk, so a page costs the same wherever
        # it begins.
        indexes = [
            models.Index(fields=["committed_at", "id"], name="contentserver_file_time"),
            models.Index(
                fields=["collection", "committed_at", "id"], name="contentserver_file_coll"
            ),
            models.Index(fields=["created_by", "committed_at", "id"], name="contentserver_file_by"),
            models.Index(
                fields=["media_type", "committed_at", "id"], name="contentserver_file_type"
            ),
            models.Index(fields=["year", "committed_at", "id"], name="contentserver_file_year"),
        ]

    def __str__(self) -> str:
        return f"{self.collection}/{self.key}"

    @property
    def address(self) -> str:
        """32 hex digits, as in the names on disk and in the audit."""
        return self.id.hex

    @property
    def version(self) -> str:
        """The latest version, `year.number`."""
        return f"{self.year}.{self.number}"


class StoredVersion(models.Model):
    """One version on disk; never changed once it is here, as the file it describes is not."""

    file = models.ForeignKey(
        File, models.CASCADE, related_name="versions", db_index=False, verbose_name=_("file")
    )
    year = models.PositiveSmallIntegerField(_("year"))
    number = models.PositiveIntegerField(_("number"))
    identity = models.UUIDField(_("identity in the header"))
    size = models.BigIntegerField(_("size"))
    sha256 = models.BinaryField(_("SHA-256"), max_length=32, null=True)
    media_type = models.CharField(_("media type"), max_length=127, blank=True)
    filename = models.CharField(_("file name"), max_length=255, blank=True)
    created_by = models.CharField(_("stored by"), max_length=64, blank=True)
    on_behalf_of = models.CharField(_("on behalf of"), max_length=256, blank=True)
    data_subject = models.CharField(_("data subject"), max_length=128, blank=True)
    original_time = models.CharField(_("original time"), max_length=64, blank=True)
    source = models.CharField(_("source"), max_length=256, blank=True)
    custom = models.JSONField(_("custom metadata"), default=dict)
    committed_at = models.DateTimeField(_("stored"))
    deleted = models.BooleanField(_("delete marker"), default=False)
    imported = models.BooleanField(_("imported"), default=False)

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        constraints = [
            models.UniqueConstraint(
                fields=["file", "year", "number"], name="contentserver_version_once"
            ),
        ]
        indexes = [
            models.Index(fields=["committed_at", "id"], name="contentserver_version_time"),
            # Whom a file is about is asked by auditors, of one person at a time.
            models.Index(
                fields=["data_subject", "file"],
                name="contentserver_version_subject",
                condition=~models.Q(data_subject=""),
            ),
        ]

    def __str__(self) -> str:
        return self.version

    @property
    def version(self) -> str:
        """`year.number`, as in X-Version."""
        return f"{self.year}.{self.number}"


class ChangeFeed(models.Model):
    """The next number of a node's feed. `identity` is new after a rebuild, so that an old cursor is
    refused, not misread.
    """

    node = models.CharField(_("node"), max_length=64, primary_key=True)
    identity = models.UUIDField(_("identity"), default=uuid.uuid4)
    next_number = models.BigIntegerField(_("next number"), default=1)

    class Meta:
        verbose_name = _("change feed")
        verbose_name_plural = _("change feeds")

    def __str__(self) -> str:
        return self.node


class Change(models.Model):
    """One entry of a node's change feed: numbers without gaps from 1, visible in the order of their
    numbers.
    """

    node = models.CharField(_("node"), max_length=64)
    number = models.BigIntegerField(_("number"))
    version = models.OneToOneField(
        StoredVersion, models.CASCADE, related_name="change", verbose_name=_("version")
    )

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["node", "number"]
        constraints = [
            models.UniqueConstraint(fields=["node", "number"], name="contentserver_change_once")
        ]

    def __str__(self) -> str:
        return f"{self.node} {self.number}"


class RebuildMark(models.Model):
    """How far `rebuild_catalog` has come; gone when it is through."""

    node = models.CharField(_("node"), max_length=64, primary_key=True)
    year = models.PositiveSmallIntegerField(_("year"))
    after = models.UUIDField(_("address reached"), null=True)
    counts = models.JSONField(_("counts so far"), default=dict)

    class Meta:
        verbose_name = _("rebuild mark")
        verbose_name_plural = _("rebuild marks")

    def __str__(self) -> str:
        return f"{self.node} {self.year}"
