"""The content server as a Django application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContentServerConfig(AppConfig):
    name = "contentserver"
    verbose_name = _("Content server")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks and tasks, and tell Sköld where its gate and journal come from."""
        from django.conf import settings  # noqa: PLC0415 - once apps are loaded

        # Importing checks registers them; importing celery makes its application the one that
        # tasks are sent by, in every process with Django.
        from contentserver import (  # noqa: F401, PLC0415 - once apps are loaded
            celery,
            checks,
            control,
            looks,
            telemetry,
        )
        from contentserver.operations import (  # noqa: PLC0415 - likewise
            archiving,
            extensions,
            finding_figures,
            uploads,
            verification,
        )
        from skold import token_keys  # noqa: PLC0415 - it imports models

        control.install(settings.CONFIG)
        looks.add_finder(archiving.Finder(settings.CONFIG))
        if telemetry.is_wanted():
            from contentserver.traced_django import instrument  # noqa: PLC0415 - only where wanted

            instrument(settings.CONFIG)
        extensions.add_loop(
            "verification",
            lambda context: verification.VerificationLoop(context.config),
            verification.INTERVAL,
        )
        extensions.add_loop(
            finding_figures.LOOP,
            lambda _context: finding_figures.FindingFigures(),
            finding_figures.INTERVAL,
        )
        extensions.add_loop(
            uploads.LOOP,
            lambda context: uploads.UploadsLoop(context.store, context.config.node),
            uploads.INTERVAL,
        )
        extensions.add_loop(
            token_keys.LOOP, lambda _context: token_keys.TokenKeys(), token_keys.INTERVAL
        )
