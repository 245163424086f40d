"""The content server as a Django application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContentServerConfig(AppConfig):
    name = "contentserver"
    verbose_name = _("Content server")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from contentserver import checks  # noqa: F401, PLC0415 - registers them, once apps are loaded
