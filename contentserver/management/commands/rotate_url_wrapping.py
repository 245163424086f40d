"""`manage.py rotate_url_wrapping`: a new key under which clients' signing keys are wrapped."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver import runtime
from contentserver.conf import Config
from contentserver.store.errors import StoreError
from contentserver.store.keyset import add_url_key, read_root_key
from skold.control.commands import actor, recorded
from skold.models import UrlKey
from skold.services import rewrap_url_keys
from skold.urls import UrlKeyUnusable


class Command(BaseCommand):
    help = (
        "Adds a URL key to the data keyset and wraps every signing key under it. Secrets of "
        "clients and URLs they signed stay good; processes that run take the new key by "
        "themselves. Needs the data root key. Example: manage.py rotate_url_wrapping --dry-run"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help=_("count; change nothing"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        with recorded("administer", "keyset:url"):
            try:
                told = _count(config) if options["dry_run"] else _rotate(config)
            except (StoreError, UrlKeyUnusable, OSError) as error:
                raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        text = _("URL key %(newest)d is the newest; %(keys)d signing keys to wrap or wrapped.")
        self.stdout.write(text % told)


def _count(config: Config) -> dict[str, Any]:
    newest = max(runtime.data_keyset(config).url_keys)
    return {"newest": newest, "keys": UrlKey.objects.count(), "changed": False}


def _rotate(config: Config) -> dict[str, Any]:
    number = add_url_key(config.data_keyset, read_root_key(config.data_root_key, "data"))
    keys = runtime.data_keyset(config).url_keys
    changed = rewrap_url_keys(actor=actor(), wrapping_keys=keys)
    return {"newest": number, "keys": len(changed), "changed": True}
