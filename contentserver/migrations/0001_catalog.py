"""The catalog's tables."""

# ruff: noqa: E501 - as Django writes them

import uuid

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import contentserver.catalog.validators


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ChangeFeed",
            fields=[
                (
                    "node",
                    models.CharField(
                        max_length=64, primary_key=True, serialize=False, verbose_name="node"
                    ),
                ),
                ("identity", models.UUIDField(default=uuid.uuid4, verbose_name="identity")),
                ("next_number", models.BigIntegerField(default=1, verbose_name="next number")),
            ],
            options={
                "verbose_name": "change feed",
                "verbose_name_plural": "change feeds",
            },
        ),
        migrations.CreateModel(
            name="Collection",
            fields=[
                (
                    "name",
                    models.CharField(
                        help_text="Lower-case letters, digits, - and _. Part of every address: it can never be changed.",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                        validators=[contentserver.catalog.validators.collection_name],
                        verbose_name="name",
                    ),
                ),
                (
                    "description",
                    models.CharField(blank=True, max_length=200, verbose_name="description"),
                ),
                (
                    "max_size",
                    models.BigIntegerField(
                        blank=True,
                        help_text="Empty: no limit.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="largest file (bytes)",
                    ),
                ),
                (
                    "media_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=127,
                            validators=[contentserver.catalog.validators.media_type_pattern],
                        ),
                        blank=True,
                        default=list,
                        help_text="Separated by commas, for example image/jpeg, image/*. Empty: all.",
                        size=None,
                        verbose_name="media types accepted",
                    ),
                ),
                (
                    "inline_types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=127,
                            validators=[contentserver.catalog.validators.media_type_pattern],
                        ),
                        blank=True,
                        default=list,
                        help_text="All others are sent as an attachment, so that no uploaded page runs in a browser.",
                        size=None,
                        verbose_name="media types shown inline",
                    ),
                ),
                (
                    "erasure",
                    models.CharField(
                        choices=[
                            ("none", "Not erasable"),
                            ("key", "By the whole key"),
                            ("first_segment", "By the first segment of the key"),
                            ("field", "By the Data-Subject given at upload"),
                        ],
                        default="key",
                        help_text="Whose erasure key the files depend on. A change concerns files stored after it.",
                        max_length=16,
                        verbose_name="erasable",
                    ),
                ),
                (
                    "on_behalf_of",
                    models.CharField(
                        choices=[
                            ("optional", "Optional"),
                            ("required", "Required"),
                            ("forbidden", "Forbidden"),
                            ("proof", "Required, with proof (signed URL or token)"),
                        ],
                        default="optional",
                        max_length=16,
                        verbose_name="naming the end user",
                    ),
                ),
                (
                    "url_lifetime",
                    models.PositiveIntegerField(
                        default=3600,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(604800),
                        ],
                        verbose_name="longest life of a signed URL (seconds)",
                    ),
                ),
                (
                    "cache_control",
                    models.CharField(
                        blank=True,
                        help_text="Empty: private, no-cache. Whatever a cache answers is missing in the audit.",
                        max_length=200,
                        null=True,
                        validators=[contentserver.catalog.validators.header_value],
                        verbose_name="Cache-Control of exact versions",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
            ],
            options={
                "verbose_name": "collection",
                "verbose_name_plural": "collections",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="LayoutRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("open_year", "open a year")],
                        max_length=16,
                        verbose_name="request",
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("root", models.CharField(max_length=64, verbose_name="storage root")),
                ("requested_by", models.CharField(max_length=150, verbose_name="requested by")),
                ("requested_at", models.DateTimeField(auto_now_add=True, verbose_name="requested")),
                ("answered_at", models.DateTimeField(null=True, verbose_name="answered")),
                ("layout_number", models.BigIntegerField(null=True, verbose_name="in layout")),
                (
                    "refusal",
                    models.CharField(blank=True, max_length=500, verbose_name="refused because"),
                ),
            ],
            options={
                "verbose_name": "layout request",
                "verbose_name_plural": "layout requests",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="PublishedLayout",
            fields=[
                (
                    "number",
                    models.BigIntegerField(
                        primary_key=True, serialize=False, verbose_name="number"
                    ),
                ),
                ("payload", models.JSONField(verbose_name="layout")),
                ("issued_at", models.DateTimeField(verbose_name="issued")),
                ("recorded_at", models.DateTimeField(auto_now_add=True, verbose_name="recorded")),
            ],
            options={
                "verbose_name": "layout",
                "verbose_name_plural": "layouts",
                "ordering": ["-number"],
            },
        ),
        migrations.CreateModel(
            name="RebuildMark",
            fields=[
                (
                    "node",
                    models.CharField(
                        max_length=64, primary_key=True, serialize=False, verbose_name="node"
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("after", models.UUIDField(null=True, verbose_name="address reached")),
                ("counts", models.JSONField(default=dict, verbose_name="counts so far")),
            ],
            options={
                "verbose_name": "rebuild mark",
                "verbose_name_plural": "rebuild marks",
            },
        ),
        migrations.CreateModel(
            name="File",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False, primary_key=True, serialize=False, verbose_name="address"
                    ),
                ),
                ("collection", models.CharField(max_length=64, verbose_name="collection")),
                ("key", models.CharField(db_collation="C", max_length=512, verbose_name="key")),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("size", models.BigIntegerField(verbose_name="size")),
                ("sha256", models.BinaryField(max_length=32, null=True, verbose_name="SHA-256")),
                (
                    "media_type",
                    models.CharField(blank=True, max_length=127, verbose_name="media type"),
                ),
                (
                    "filename",
                    models.CharField(blank=True, max_length=255, verbose_name="file name"),
                ),
                (
                    "created_by",
                    models.CharField(blank=True, max_length=64, verbose_name="stored by"),
                ),
                ("committed_at", models.DateTimeField(verbose_name="stored")),
                ("deleted", models.BooleanField(default=False, verbose_name="deleted")),
            ],
            options={
                "verbose_name": "file",
                "verbose_name_plural": "files",
                "permissions": [("download_file", "Can download the content of files")],
                "indexes": [
                    models.Index(fields=["committed_at", "id"], name="contentserver_file_time"),
                    models.Index(
                        fields=["collection", "committed_at", "id"], name="contentserver_file_coll"
                    ),
                    models.Index(
                        fields=["created_by", "committed_at", "id"], name="contentserver_file_by"
                    ),
                    models.Index(
                        fields=["media_type", "committed_at", "id"], name="contentserver_file_type"
                    ),
                    models.Index(
                        fields=["year", "committed_at", "id"], name="contentserver_file_year"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("collection", "key"), name="contentserver_file_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StorageRoot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("node", models.CharField(max_length=64, verbose_name="node")),
                ("name", models.CharField(max_length=64, verbose_name="name")),
                ("path", models.CharField(max_length=1024, verbose_name="path")),
                ("total_bytes", models.BigIntegerField(default=0, verbose_name="size")),
                ("free_bytes", models.BigIntegerField(default=0, verbose_name="free")),
                ("present", models.BooleanField(default=True, verbose_name="present")),
                ("seen_at", models.DateTimeField(verbose_name="seen")),
            ],
            options={
                "verbose_name": "storage root",
                "verbose_name_plural": "storage roots",
                "ordering": ["node", "name"],
                "constraints": [
                    models.UniqueConstraint(fields=("node", "name"), name="contentserver_root_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="StoredVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("identity", models.UUIDField(verbose_name="identity in the header")),
                ("size", models.BigIntegerField(verbose_name="size")),
                ("sha256", models.BinaryField(max_length=32, null=True, verbose_name="SHA-256")),
                (
                    "media_type",
                    models.CharField(blank=True, max_length=127, verbose_name="media type"),
                ),
                (
                    "filename",
                    models.CharField(blank=True, max_length=255, verbose_name="file name"),
                ),
                (
                    "created_by",
                    models.CharField(blank=True, max_length=64, verbose_name="stored by"),
                ),
                (
                    "on_behalf_of",
                    models.CharField(blank=True, max_length=256, verbose_name="on behalf of"),
                ),
                (
                    "data_subject",
                    models.CharField(blank=True, max_length=128, verbose_name="data subject"),
                ),
                (
                    "original_time",
                    models.CharField(blank=True, max_length=64, verbose_name="original time"),
                ),
                ("source", models.CharField(blank=True, max_length=256, verbose_name="source")),
                ("custom", models.JSONField(default=dict, verbose_name="custom metadata")),
                ("committed_at", models.DateTimeField(verbose_name="stored")),
                ("deleted", models.BooleanField(default=False, verbose_name="delete marker")),
                ("imported", models.BooleanField(default=False, verbose_name="imported")),
                (
                    "file",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="versions",
                        to="contentserver.file",
                        verbose_name="file",
                    ),
                ),
            ],
            options={
                "verbose_name": "version",
                "verbose_name_plural": "versions",
            },
        ),
        migrations.CreateModel(
            name="Change",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("node", models.CharField(max_length=64, verbose_name="node")),
                ("number", models.BigIntegerField(verbose_name="number")),
                (
                    "version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="change",
                        to="contentserver.storedversion",
                        verbose_name="version",
                    ),
                ),
            ],
            options={
                "verbose_name": "change",
                "verbose_name_plural": "changes",
                "ordering": ["node", "number"],
            },
        ),
        migrations.CreateModel(
            name="Year",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("root", models.CharField(max_length=64, verbose_name="storage root")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "open: takes commits"),
                            ("importing", "importing: takes imports of an earlier year"),
                            ("sealed", "sealed: takes nothing"),
                            ("moving", "moving: sealed, on two roots"),
                        ],
                        max_length=16,
                        verbose_name="state",
                    ),
                ),
                ("layout_number", models.BigIntegerField(verbose_name="since layout")),
            ],
            options={
                "verbose_name": "year",
                "verbose_name_plural": "years",
                "ordering": ["-year", "root"],
                "constraints": [
                    models.UniqueConstraint(fields=("year", "root"), name="contentserver_year_once")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="storedversion",
            index=models.Index(fields=["committed_at", "id"], name="contentserver_version_time"),
        ),
        migrations.AddConstraint(
            model_name="storedversion",
            constraint=models.UniqueConstraint(
                fields=("file", "year", "number"), name="contentserver_version_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="change",
            constraint=models.UniqueConstraint(
                fields=("node", "number"), name="contentserver_change_once"
            ),
        ),
    ]
