"""The migrator as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MigratorConfig(AppConfig):
    name = "migrator"
    verbose_name = _("Migrator")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the bridge what of ours it runs."""
        from contentserver import looks  # noqa: PLC0415 - once apps are loaded
        from contentserver.operations import extensions  # noqa: PLC0415 - likewise
        from migrator import bridging, figures  # noqa: PLC0415 - these import models
        from migrator.looks import find_looks  # noqa: PLC0415 - as does this

        bridging.register()
        looks.add_finder(find_looks)
        extensions.add_loop(figures.LOOP, lambda _context: figures.Figures(), figures.INTERVAL)
