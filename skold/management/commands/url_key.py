"""`manage.py url_key`: keys with which clients sign URLs, and how they are wrapped."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from skold import services
from skold.control import parts
from skold.control.commands import actor, recorded
from skold.management.acting import (
    add_days,
    as_json,
    facts_of,
    get_client,
    line_of,
    sentences,
)
from skold.models import UrlKey
from skold.services import IssuedUrlKey
from skold.urls import UrlKeyUnusable
from skold.uses import with_last_use


class Command(BaseCommand):
    help = (
        "Issues, rotates, revokes and lists signing keys; rewrap wraps all of them under the "
        "newest URL key of the data keyset. The secret is printed once, to the standard output "
        "alone. Example: manage.py url_key issue portal --label 'class lists'"
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
        rewrap = acts.add_parser("rewrap")
        rewrap.add_argument("--dry-run", action="store_true", help=_("count; change nothing"))
        for sub in acts.choices.values():
            sub.add_argument("--json", action="store_true", help=_("for programs"))

    def handle(self, *_args: Any, **options: Any) -> None:
        with sentences(), recorded("administer", _resource(options)):
            getattr(self, f"_{options['act']}")(options)

    def _issue(self, options: dict[str, Any]) -> None:
        days = options["expires_in"]
        ends = None if days is None else timezone.now() + dt.timedelta(days=days)
        issued = services.issue_url_key(
            actor=actor(),
            client=get_client(options["client"]),
            wrapping_keys=parts.url_keys(),
            label=options["label"],
            expires_at=ends,
        )
        self._show(issued, options)

    def _rotate(self, options: dict[str, Any]) -> None:
        issued = services.rotate_url_key(
            actor=actor(),
            key=_get(options["id"]),
            wrapping_keys=parts.url_keys(),
            days=options["days"],
        )
        self._show(issued, options)

    def _revoke(self, options: dict[str, Any]) -> None:
        key = services.revoke_url_key(actor=actor(), key=_get(options["id"]))
        self.stdout.write(
            as_json(facts_of(key)) if options["json"] else line_of(key, timezone.now())
        )

    def _list(self, options: dict[str, Any]) -> None:
        rows = with_last_use(UrlKey.objects.order_by("client_id", "-created_at"))
        if options["client"]:
            rows = rows.filter(client=get_client(options["client"]))
        if options["json"]:
            self.stdout.write(as_json([{**facts_of(k), "wrapping": k.wrapping} for k in rows]))
            return
        self.stdout.write("\n".join(line_of(key, timezone.now()) for key in rows))

    def _rewrap(self, options: dict[str, Any]) -> None:
        keys = parts.url_keys()
        if options["dry_run"]:
            changed = [key.pk for key in UrlKey.objects.exclude(wrapping=max(keys))]
        else:
            try:
                changed = services.rewrap_url_keys(actor=actor(), wrapping_keys=keys)
            except UrlKeyUnusable as error:
                raise CommandError(str(error)) from error
        facts = {"newest": max(keys), "keys": changed, "changed": not options["dry_run"]}
        text = _("%(count)d signing keys under URL key %(newest)d.")
        words = {"count": len(changed), "newest": max(keys)}
        self.stdout.write(as_json(facts) if options["json"] else text % words)

    def _show(self, issued: IssuedUrlKey, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(as_json({**facts_of(issued.key), "secret": issued.secret}))
            return
        self.stdout.write(issued.secret)
        text = _("Signing key %(id)s of %(client)s. Its secret is shown this once.")
        self.stderr.write(text % {"id": issued.key.pk, "client": issued.key.client_id})


def _get(key_id: str) -> UrlKey:
    found = UrlKey.objects.filter(pk=key_id).first()
    if found is None:
        text = _("There is no signing key %(id)s; `manage.py url_key list` shows all.")
        raise CommandError(text % {"id": key_id})
    return found


def _resource(options: dict[str, Any]) -> str:
    if options.get("id"):
        return f"url-key:{options['id']}"[:200]
    return f"client:{options['client']}"[:200] if options.get("client") else "url-key"
