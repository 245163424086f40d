"""Layout requests that let an earlier year take imports."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contentserver", "0001_catalog")]

    operations = [
        migrations.AlterField(
            model_name="layoutrequest",
            name="kind",
            field=models.CharField(
                choices=[
                    ("open_year", "open a year"),
                    ("import_year", "open an earlier year for imports"),
                ],
                max_length=16,
                verbose_name="request",
            ),
        ),
    ]
