"""Sköld as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SkoldConfig(AppConfig):
    name = "skold"
    verbose_name = _("Sköld: access and audit")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from skold import checks  # noqa: F401, PLC0415 - registering is what importing it does
