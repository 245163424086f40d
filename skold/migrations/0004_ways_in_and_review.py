"""Certificates, tokens, limits; findings, reviews, redactions; sums beside the audit."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

WATCHED = ("skold_clientcertificate", "skold_tokenprovider", "skold_tokenclient")

WATCH = "\n".join(
    f"CREATE TRIGGER skold_policy_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION skold_policy_changed();"
    for table in WATCHED
)
UNWATCH = "\n".join(f"DROP TRIGGER skold_policy_changed ON {table};" for table in WATCHED)


class Migration(migrations.Migration):
    dependencies = [
        ("skold", "0003_policy_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="CredentialUse",
            fields=[
                (
                    "credential",
                    models.CharField(
                        max_length=128, primary_key=True, serialize=False, verbose_name="credential"
                    ),
                ),
                ("last_used_at", models.DateTimeField(verbose_name="last used")),
            ],
            options={
                "verbose_name": "use of a credential",
                "verbose_name_plural": "uses of credentials",
            },
        ),
        migrations.CreateModel(
            name="TokenProvider",
            fields=[
                (
                    "id",
                    models.SlugField(
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                        validators=[
                            django.core.validators.RegexValidator("^[a-z0-9][a-z0-9_-]{0,63}$")
                        ],
                        verbose_name="identifier",
                    ),
                ),
                (
                    "issuer",
                    models.URLField(
                        help_text="Exactly as `iss` says it.",
                        max_length=500,
                        unique=True,
                        verbose_name="issuer",
                    ),
                ),
                (
                    "audiences",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        help_text="A token must be made for one of these.",
                        size=None,
                        verbose_name="audiences",
                    ),
                ),
                (
                    "algorithms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=10),
                        size=None,
                        verbose_name="algorithms",
                    ),
                ),
                (
                    "jwks_url",
                    models.URLField(
                        blank=True,
                        help_text="Empty: asked from the issuer's discovery document.",
                        max_length=500,
                        verbose_name="address of the keys",
                    ),
                ),
                (
                    "client_claim",
                    models.CharField(
                        default="azp", max_length=100, verbose_name="claim that names the client"
                    ),
                ),
                (
                    "end_user_claim",
                    models.CharField(
                        blank=True,
                        default="sub",
                        max_length=100,
                        verbose_name="claim that names the end user",
                    ),
                ),
                ("enabled", models.BooleanField(default=True, verbose_name="enabled")),
                ("jwks", models.JSONField(default=dict, editable=False, verbose_name="keys")),
                (
                    "fetched_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="keys fetched"),
                ),
                (
                    "fetch_error",
                    models.CharField(
                        blank=True, editable=False, max_length=500, verbose_name="last error"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="created"
                    ),
                ),
                (
                    "created_by",
                    models.CharField(editable=False, max_length=150, verbose_name="created by"),
                ),
            ],
            options={
                "verbose_name": "token provider",
                "verbose_name_plural": "token providers",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="client",
            name="requests_per_second",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="What comes faster is answered 429. Empty: no limit of its own.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="requests each second",
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="first_year",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Only versions of this year and later.",
                null=True,
                verbose_name="first year",
            ),
        ),
        migrations.AddField(
            model_name="grant",
            name="last_year",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Only versions up to this year.",
                null=True,
                verbose_name="last year",
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="actions",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("read", "Read files"),
                        ("list", "List and search"),
                        ("write", "Write files"),
                        ("stage", "Stage uploads"),
                        ("commit", "Commit uploads"),
                        ("delete", "Delete files"),
                        ("sign", "Sign URLs"),
                        ("audit", "Read the audit"),
                        ("replicate", "Replicate"),
                        ("administer", "Administer"),
                    ],
                    max_length=10,
                ),
                size=None,
                verbose_name="actions",
            ),
        ),
        migrations.CreateModel(
            name="ArchivedMonth",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("node", models.CharField(max_length=64, verbose_name="node")),
                ("month", models.DateField(verbose_name="month")),
                ("path", models.CharField(max_length=500, verbose_name="file")),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.BigIntegerField(verbose_name="size")),
                ("records", models.BigIntegerField(verbose_name="records")),
                ("archived_at", models.DateTimeField(verbose_name="archived")),
                ("archived_by", models.CharField(max_length=150, verbose_name="archived by")),
                ("standing", models.BooleanField(default=False, verbose_name="readable here")),
            ],
            options={
                "verbose_name": "archived month",
                "verbose_name_plural": "archived months",
                "ordering": ["-month", "node"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("node", "month"), name="skold_archivedmonth_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditHour",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField(verbose_name="hour")),
                ("node", models.CharField(max_length=64, verbose_name="node")),
                ("plane", models.CharField(blank=True, max_length=16, verbose_name="plane")),
                ("client", models.CharField(blank=True, max_length=64, verbose_name="client")),
                ("action", models.CharField(blank=True, max_length=16, verbose_name="action")),
                ("decision", models.CharField(blank=True, max_length=8, verbose_name="decision")),
                ("outcome", models.CharField(blank=True, max_length=64, verbose_name="outcome")),
                ("count", models.BigIntegerField(verbose_name="accesses")),
                ("bytes", models.BigIntegerField(verbose_name="bytes")),
            ],
            options={
                "verbose_name": "hour of accesses",
                "verbose_name_plural": "hours of accesses",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("hour", "node", "plane", "client", "action", "decision", "outcome"),
                        name="skold_audithour_key",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ClientCertificate",
            fields=[
                (
                    "label",
                    models.CharField(
                        blank=True,
                        help_text="Where this key is used.",
                        max_length=100,
                        verbose_name="label",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="created"
                    ),
                ),
                (
                    "created_by",
                    models.CharField(editable=False, max_length=150, verbose_name="created by"),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires")),
                (
                    "revoked_at",
                    models.DateTimeField(
                        blank=True, editable=False, null=True, verbose_name="revoked"
                    ),
                ),
                (
                    "revoked_by",
                    models.CharField(
                        blank=True, editable=False, max_length=150, verbose_name="revoked by"
                    ),
                ),
                (
                    "fingerprint",
                    models.CharField(
                        help_text="SHA-256 of the certificate in DER, 64 hex digits.",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                        validators=[django.core.validators.RegexValidator("^[0-9a-f]{64}$")],
                        verbose_name="fingerprint",
                    ),
                ),
                ("subject", models.CharField(blank=True, max_length=500, verbose_name="subject")),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="certificates",
                        to="skold.client",
                        verbose_name="client",
                    ),
                ),
            ],
            options={
                "verbose_name": "client certificate",
                "verbose_name_plural": "client certificates",
                "ordering": ["client_id", "-created_at"],
            },
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("burst", "Unusually many accesses"),
                            ("refusals", "Refusals in a row"),
                            ("guessing", "Guessing of credentials"),
                            ("new_address", "Client from a new address"),
                            ("gap", "Gap in the records"),
                            ("verification", "Verification failed"),
                            ("unanchored", "Checkpoints not anchored"),
                        ],
                        max_length=16,
                        verbose_name="rule",
                    ),
                ),
                ("key", models.CharField(editable=False, max_length=200, unique=True)),
                (
                    "severity",
                    models.CharField(
                        choices=[("notice", "notice"), ("warning", "warning"), ("alarm", "alarm")],
                        max_length=8,
                        verbose_name="severity",
                    ),
                ),
                ("client", models.CharField(blank=True, max_length=64, verbose_name="client")),
                ("node", models.CharField(blank=True, max_length=64, verbose_name="node")),
                ("since", models.DateTimeField(verbose_name="from")),
                ("until", models.DateTimeField(verbose_name="to")),
                ("count", models.BigIntegerField(default=0, verbose_name="records")),
                ("facts", models.JSONField(default=dict, verbose_name="facts")),
                (
                    "found_at",
                    models.DateTimeField(default=django.utils.timezone.now, verbose_name="found"),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("harmless", "harmless"),
                            ("watched", "being watched"),
                            ("incident", "incident"),
                        ],
                        default="open",
                        max_length=8,
                        verbose_name="verdict",
                    ),
                ),
            ],
            options={
                "verbose_name": "finding",
                "verbose_name_plural": "findings",
                "ordering": ["-found_at", "-id"],
                "permissions": [("review_finding", "Can give a verdict on findings")],
                "indexes": [
                    models.Index(fields=["verdict", "-found_at"], name="skold_finding_verdict")
                ],
            },
        ),
        migrations.CreateModel(
            name="KnownNetwork",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("client", models.CharField(max_length=64, verbose_name="client")),
                ("network", models.CharField(max_length=49, verbose_name="network")),
                ("first_at", models.DateTimeField(verbose_name="first seen")),
                ("last_at", models.DateTimeField(verbose_name="last seen")),
            ],
            options={
                "verbose_name": "known network",
                "verbose_name_plural": "known networks",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("client", "network"), name="skold_knownnetwork_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Redaction",
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
                        choices=[
                            ("end_user", "All records of an end user"),
                            ("key", "All records of a file's key"),
                            ("records", "Single records"),
                        ],
                        max_length=8,
                        verbose_name="which",
                    ),
                ),
                ("selector", models.JSONField(verbose_name="selector")),
                ("reason", models.TextField(max_length=2000, verbose_name="reason")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "waits for a second person"),
                            ("approved", "waits for the bridge"),
                            ("done", "carried out"),
                            ("refused", "refused"),
                        ],
                        default="asked",
                        editable=False,
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "asked_by",
                    models.CharField(editable=False, max_length=150, verbose_name="asked by"),
                ),
                (
                    "asked_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="asked"
                    ),
                ),
                (
                    "decided_by",
                    models.CharField(
                        blank=True, editable=False, max_length=150, verbose_name="decided by"
                    ),
                ),
                (
                    "decided_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="decided"),
                ),
                (
                    "done_at",
                    models.DateTimeField(editable=False, null=True, verbose_name="carried out"),
                ),
                (
                    "records",
                    models.BigIntegerField(editable=False, null=True, verbose_name="records"),
                ),
                (
                    "error",
                    models.CharField(
                        blank=True, editable=False, max_length=500, verbose_name="last error"
                    ),
                ),
            ],
            options={
                "verbose_name": "redaction",
                "verbose_name_plural": "redactions",
                "ordering": ["-asked_at", "-id"],
                "permissions": [
                    ("ask_redaction", "Can ask for a redaction"),
                    ("approve_redaction", "Can approve a redaction"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by", ""),
                            models.Q(("decided_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="skold_redaction_two_persons",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("harmless", "harmless"),
                            ("watched", "being watched"),
                            ("incident", "incident"),
                        ],
                        max_length=8,
                        verbose_name="verdict",
                    ),
                ),
                ("comment", models.TextField(max_length=4000, verbose_name="comment")),
                (
                    "by",
                    models.CharField(editable=False, max_length=150, verbose_name="reviewed by"),
                ),
                (
                    "at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="reviewed"
                    ),
                ),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="skold.finding",
                        verbose_name="finding",
                    ),
                ),
            ],
            options={
                "verbose_name": "review",
                "verbose_name_plural": "reviews",
                "ordering": ["at", "id"],
            },
        ),
        migrations.CreateModel(
            name="TokenClient",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("value", models.CharField(max_length=200, verbose_name="value of the claim")),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="created"
                    ),
                ),
                (
                    "created_by",
                    models.CharField(editable=False, max_length=150, verbose_name="created by"),
                ),
                (
                    "client",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="token_names",
                        to="skold.client",
                        verbose_name="client",
                    ),
                ),
                (
                    "provider",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="clients",
                        to="skold.tokenprovider",
                        verbose_name="provider",
                    ),
                ),
            ],
            options={
                "verbose_name": "client of a provider",
                "verbose_name_plural": "clients of a provider",
                "ordering": ["provider_id", "value"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "value"), name="skold_tokenclient_value"
                    )
                ],
            },
        ),
        migrations.RunSQL(WATCH, UNWATCH),
    ]
