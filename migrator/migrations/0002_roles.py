"""What operators may do while files move in: see how it stands, and try records again.

Changes of a source's mode stay with whoever is given `change_source`.
"""

from typing import Any

from django.db import migrations

from skold.roles import OPERATOR, grant_role

SEEN = ("source", "recorderror", "alarm", "difference", "verification", "cutover")


def make_roles(apps: Any, _schema_editor: Any) -> None:
    permissions = [*(f"view_{model}" for model in SEEN), "change_recorderror"]
    grant_role(apps, OPERATOR, [f"migrator.{name}" for name in permissions])


class Migration(migrations.Migration):
    dependencies = [("migrator", "0001_sources"), ("skold", "0005_roles_and_review_marks")]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
