"""What operators may do with the catalog: see and change collections, see files, open years.

Nobody gets `download_file` by a role: who runs the server need not read what it keeps.
"""

from typing import Any

from django.db import migrations

from skold.roles import OPERATOR, grant_role

SEEN = ("collection", "file", "storedversion", "storageroot", "year", "layoutrequest")
DONE = ("add_collection", "change_collection", "add_layoutrequest")


def make_roles(apps: Any, _schema_editor: Any) -> None:
    permissions = [*(f"view_{model}" for model in SEEN), *DONE]
    grant_role(apps, OPERATOR, [f"contentserver.{name}" for name in permissions])


class Migration(migrations.Migration):
    dependencies = [
        ("contentserver", "0002_importing_years"),
        ("skold", "0005_roles_and_review_marks"),
    ]
    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
