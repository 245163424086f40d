"""`manage.py legacy_certificate`: a certificate checked, and the keys that others check it with."""

import base64
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from contentserver import runtime
from migrator.cutover.certificates import KIND
from skold.signed import SignatureInvalid, verify


class Command(BaseCommand):
    help = _(
        "Verifies the certificate of a cut-over with this server's keys. Who does not trust this "
        "server verifies with docs/verify_certificate.py and a key that --keys has printed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, help=_("the certificate"))
        parser.add_argument("--keys", action="store_true", help=_("print the public keys"))

    def handle(self, *_args: Any, **options: Any) -> None:
        keys = runtime.data_keyset(settings.CONFIG).verify_keys(KIND)
        if options["keys"]:
            for key_id, public in keys.items():
                self.stdout.write(f"{key_id} {base64.b64encode(public).decode()}")
            return
        if options["file"] is None:
            raise CommandError(_("Name a file, or give --keys."))
        try:
            document = verify(options["file"].read_bytes(), KIND, keys)
        except OSError as error:
            raise CommandError(str(error)) from error
        except SignatureInvalid as error:
            raise CommandError(
                _("The certificate is not valid: %(why)s") % {"why": error}, returncode=1
            ) from error
        said = document.payload
        self.stdout.write(
            _("Valid: %(source)s, %(from)s to %(to)s, %(time)s")
            % {name: said[name] for name in ("source", "from", "to", "time")}
        )
