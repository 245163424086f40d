"""Operators see who has a second factor, and reset that of others."""

from typing import Any

from django.db import migrations

from skold.roles import OPERATOR

GIVEN = (
    ("view_totpdevice", "Can view second factor"),
    ("reset_second_factor", "Can reset the second factor of others"),
)


def give(apps: Any, _schema_editor: Any) -> None:
    """Django makes permissions after all migrations and keeps those it finds."""
    types = apps.get_model("contenttypes", "ContentType").objects
    kind, _made = types.get_or_create(app_label="skold", model="totpdevice")
    permissions = apps.get_model("auth", "Permission").objects
    group, _made = apps.get_model("auth", "Group").objects.get_or_create(name=OPERATOR)
    for codename, name in GIVEN:
        found, _made = permissions.get_or_create(
            content_type=kind, codename=codename, defaults={"name": name}
        )
        group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [("skold", "0009_sums_of_the_past")]
    operations = [migrations.RunPython(give, migrations.RunPython.noop)]
