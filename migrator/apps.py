"""The migrator as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MigratorConfig(AppConfig):
    name = "migrator"
    verbose_name = _("Migrator: out of the legacy database")
    default_auto_field = "django.db.models.BigAutoField"
