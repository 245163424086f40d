"""`manage.py api_key`: API keys issued, rotated, revoked, listed. A secret is printed once."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from skold import services
from skold.control.commands import actor, recorded
from skold.management.acting import (
    add_days,
    as_json,
    facts_of,
    get_client,
    line_of,
    sentences,
)
from skold.models import ApiKey
from skold.services import IssuedKey
from skold.uses import with_last_use


class Command(BaseCommand):
    help = (
        "Issues, rotates, revokes and lists API keys. The secret is printed once, to the standard "
        "output alone. Example: manage.py api_key rotate 8fJ2kQ0sLm1z --days 14"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        issue = acts.add_parser("issue")
        issue.add_argument("client")
        issue.add_argument("--label", default="", help=_("where it is used"))
        issue.add_argument("--expires-in", type=int, metavar="DAYS", help=_("default: no end"))
        rotate = acts.add_parser("rotate")
        rotate.add_argument("id")
        add_days(rotate)
        acts.add_parser("revoke").add_argument("id")
        acts.add_parser("list").add_argument("client", nargs="?")
        for sub in acts.choices.values():
            sub.add_argument("--json", action="store_true", help=_("for programs"))

    def handle(self, *_args: Any, **options: Any) -> None:
        with sentences(), recorded("administer", _resource(options)):
            getattr(self, f"_{options['act']}")(options)

    def _issue(self, options: dict[str, Any]) -> None:
        days = options["expires_in"]
        ends = None if days is None else timezone.now() + dt.timedelta(days=days)
        issued = services.issue_api_key(
            actor=actor(),
            client=get_client(options["client"]),
            label=options["label"],
            expires_at=ends,
        )
        self._show(issued, options)

    def _rotate(self, options: dict[str, Any]) -> None:
        key = _get(options["id"])
        self._show(services.rotate_api_key(actor=actor(), key=key, days=options["days"]), options)

    def _revoke(self, options: dict[str, Any]) -> None:
        key = services.revoke_api_key(actor=actor(), key=_get(options["id"]))
        self.stdout.write(
            as_json(facts_of(key)) if options["json"] else line_of(key, timezone.now())
        )

    def _list(self, options: dict[str, Any]) -> None:
        rows = with_last_use(ApiKey.objects.order_by("client_id", "-created_at"))
        if options["client"]:
            rows = rows.filter(client=get_client(options["client"]))
        if options["json"]:
            self.stdout.write(as_json([facts_of(key) for key in rows]))
            return
        self.stdout.write("\n".join(line_of(key, timezone.now()) for key in rows))

    def _show(self, issued: IssuedKey, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(as_json({**facts_of(issued.key), "secret": issued.plaintext}))
            return
        self.stdout.write(issued.plaintext)
        text = _("Key %(id)s of %(client)s. It opens within a second and is shown this once.")
        self.stderr.write(text % {"id": issued.key.pk, "client": issued.key.client_id})


def _get(key_id: str) -> ApiKey:
    found = ApiKey.objects.filter(pk=key_id).first()
    if found is None:
        text = _("There is no API key %(id)s; `manage.py api_key list` shows all.")
        raise CommandError(text % {"id": key_id})
    return found


def _resource(options: dict[str, Any]) -> str:
    if options.get("id"):
        return f"api-key:{options['id']}"[:200]
    return f"client:{options['client']}"[:200] if options.get("client") else "api-key"
