"""Roles of people in the admin. Groups hold them; a person may have several.

Who looks into the audit and who runs the server are apart: an auditor opens no file, an operator
sees nothing of the audit. A superuser has every permission and is for emergencies.
"""

from collections.abc import Iterable
from typing import Any

AUDITOR = "Auditor"
SECURITY_OFFICER = "Security officer"
OPERATOR = "Operator"

_LOOKED_AT = (
    *("auditrecord", "audithour", "finding", "review", "redaction", "archivedmonth"),
    *("knownnetwork", "ledgermark"),
)
_AUDIT = (*(f"skold.view_{model}" for model in _LOOKED_AT), "skold.review_finding")
_KEYS = ("apikey", "urlkey", "clientcertificate", "tokenprovider", "tokenclient")
_RUN = ("client", "grant", *_KEYS)

ROLES: dict[str, tuple[str, ...]] = {
    AUDITOR: _AUDIT,
    SECURITY_OFFICER: (*_AUDIT, "skold.ask_redaction", "skold.approve_redaction"),
    OPERATOR: tuple(
        f"skold.{verb}_{model}" for model in _RUN for verb in ("view", "add", "change", "delete")
    ),
}
"""Name of the group -> permissions that this application gives it. Projects add their own."""


def grant_role(apps: Any, role: str, permissions: Iterable[str]) -> None:
    """For migrations: make the group if it is missing and add these permissions (`app.codename`).

    Django makes permissions after all migrations, so they are made here under the codename; it
    keeps those it finds. What people added to the group stays.
    """
    group, _made = apps.get_model("auth", "Group").objects.get_or_create(name=role)
    given = [_permission(apps, *name.split(".")) for name in permissions]
    group.permissions.add(*given)


def _permission(apps: Any, app: str, codename: str) -> Any:
    """The permission; its content type is the model that the codename ends with."""
    types = apps.get_model("contenttypes", "ContentType").objects
    kind, _made = types.get_or_create(app_label=app, model=codename.rpartition("_")[2])
    permissions = apps.get_model("auth", "Permission").objects
    permission, _made = permissions.get_or_create(
        content_type=kind,
        codename=codename,
        defaults={"name": f"Can {codename.replace('_', ' ')}"},
    )
    return permission
