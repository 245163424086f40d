"""Uploads in progress, which the bridge lists for whoever runs the server."""

from typing import Any

from django.db import migrations, models

from skold.roles import OPERATOR, grant_role


def let_operators_see(apps: Any, _schema_editor: Any) -> None:
    grant_role(apps, OPERATOR, ["contentserver.view_uploadinprogress"])


class Migration(migrations.Migration):
    dependencies = [
        ("contentserver", "0004_versions_by_subject"),
        ("skold", "0005_roles_and_review_marks"),
    ]
    operations = [
        migrations.CreateModel(
            name="UploadInProgress",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False, primary_key=True, serialize=False, verbose_name="upload"
                    ),
                ),
                ("node", models.CharField(max_length=64, verbose_name="node")),
                ("root", models.CharField(max_length=64, verbose_name="storage root")),
                ("client", models.CharField(max_length=64, verbose_name="client")),
                ("collection", models.CharField(max_length=64, verbose_name="collection")),
                ("length", models.BigIntegerField(null=True, verbose_name="length")),
                ("offset", models.BigIntegerField(verbose_name="received")),
                ("held", models.BigIntegerField(verbose_name="on disk")),
                ("commit_auto", models.BooleanField(verbose_name="commits itself")),
                ("refused", models.BooleanField(verbose_name="refused by a check")),
                ("created_at", models.DateTimeField(verbose_name="begun")),
                ("expires_at", models.DateTimeField(verbose_name="expires")),
                ("seen_at", models.DateTimeField(verbose_name="seen")),
            ],
            options={
                "verbose_name": "upload in progress",
                "verbose_name_plural": "uploads in progress",
                "ordering": ["created_at", "id"],
            },
        ),
        migrations.RunPython(let_operators_see, migrations.RunPython.noop),
    ]
