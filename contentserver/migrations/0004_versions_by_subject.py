"""Which files are about a person, for whoever reviews the accesses to them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contentserver", "0003_roles")]
    operations = [
        migrations.AddIndex(
            model_name="storedversion",
            index=models.Index(
                fields=["data_subject", "file"],
                name="contentserver_version_subject",
                condition=~models.Q(data_subject=""),
            ),
        ),
    ]
