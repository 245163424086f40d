"""`manage.py show_verify_keys`: what an auditor writes down, once."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver import checkpoint_keys, runtime
from contentserver.conf import Config
from contentserver.store.errors import StoreError
from contentserver.store.keyset import Keyset
from contentserver.store.keyset_file import PURPOSES
from skold.notes import Verifier


class Command(BaseCommand):
    help = _(
        "Prints the public keys that verify what this node signs, oldest first. Those of "
        "checkpoints are C2SP verify keys: an auditor writes them down and needs nothing else of "
        "this server to check its audit. Examples: manage.py show_verify_keys, "
        "manage.py show_verify_keys --purpose checkpoint"
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--purpose", choices=PURPOSES, help=_("only keys of this purpose"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON list"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        wanted = (options["purpose"],) if options["purpose"] else PURPOSES
        try:
            keyset = runtime.data_keyset(config)
            rows = [row for purpose in wanted for row in _rows(config, keyset, purpose)]
        except (StoreError, OSError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=1))
            return
        for row in rows:
            self.stdout.write(f"{row['key_id']}  {row['verify_key']}")


def _rows(config: Config, keyset: Keyset, purpose: str) -> Iterator[dict[str, str]]:
    """Under the log's name for checkpoints, as its notes say; under that and the purpose for the
    rest, so that no two purposes share a name."""
    name = checkpoint_keys.origin(config)
    if purpose != "checkpoint":
        name = f"{name}/{purpose}"
    for key_id, public in keyset.verify_keys(purpose).items():
        key = str(Verifier(name, public))
        yield {"purpose": purpose, "key_id": key_id, "verify_key": key, "public": public.hex()}
