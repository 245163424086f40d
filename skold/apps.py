"""Sköld as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SkoldConfig(AppConfig):
    name = "skold"
    verbose_name = _("Sköld: access and audit")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and have grants follow migrations."""
        from django.db.models.signals import post_migrate  # noqa: PLC0415 - once apps are loaded

        from skold import checks  # noqa: F401, PLC0415 - registering is what importing it does
        from skold.archive import checks as database_checks  # noqa: F401, PLC0415 - likewise
        from skold.database_roles import grant_after_migrate  # noqa: PLC0415 - likewise

        post_migrate.connect(grant_after_migrate, sender=self)
