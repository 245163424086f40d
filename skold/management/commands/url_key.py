"""`manage.py url_key`: keys with which clients sign URLs, and how they are wrapped."""

import datetime as dt
from typing import Any

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from skold import services
from skold.control import parts
from skold.control.commands import actor
from skold.management.acting import as_json, facts_of
from skold.management.key_command import KeyCommand, Secret
from skold.models import Client, UrlKey
from skold.urls import UrlKeyUnusable


class Command(KeyCommand):
    help = (
        "Issues, rotates, revokes and lists signing keys; rewrap wraps all of them under the "
        "newest URL key of the data keyset. The secret is printed once, to the standard output "
        "alone. Example: manage.py url_key issue portal --label 'class lists'"
    )
    model = UrlKey
    kind = "url-key"

    def add_acts(self, acts: Any) -> None:
        rewrap = acts.add_parser("rewrap")
        rewrap.add_argument("--dry-run", action="store_true", help=_("count; change nothing"))

    def issue(self, client: Client, label: str, expires_at: dt.datetime | None) -> Secret:
        issued = services.issue_url_key(
            actor=actor(),
            client=client,
            wrapping_keys=parts.url_keys(),
            label=label,
            expires_at=expires_at,
        )
        return issued.key, issued.secret

    def rotate(self, key: UrlKey, days: int) -> Secret:
        issued = services.rotate_url_key(
            actor=actor(), key=key, wrapping_keys=parts.url_keys(), days=days
        )
        return issued.key, issued.secret

    def revoke(self, key: UrlKey) -> UrlKey:
        return services.revoke_url_key(actor=actor(), key=key)

    def unknown(self) -> str:
        return _("There is no signing key %(id)s; `manage.py url_key list` shows all.")

    def shown_once(self) -> str:
        return _("Signing key %(id)s of %(client)s. Its secret is shown this once.")

    def facts(self, key: UrlKey) -> dict[str, Any]:
        return {**facts_of(key), "wrapping": key.wrapping}

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
