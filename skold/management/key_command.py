"""What `api_key` and `url_key` have in common: issue, rotate, revoke, list."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from skold.control.commands import recorded
from skold.management.acting import add_days, as_json, facts_of, get_client, line_of, sentences
from skold.models import ApiKey, Client, UrlKey
from skold.uses import with_last_use

Secret = tuple[Any, str]
"""A new key and what is shown of it once."""


class KeyCommand(BaseCommand):
    """Each act is recorded; a secret is printed once, to the standard output alone."""

    model: ClassVar[type[ApiKey] | type[UrlKey]]
    kind: ClassVar[str]
    """As records call such a key."""

    def issue(self, client: Client, label: str, expires_at: dt.datetime | None) -> Secret:
        raise NotImplementedError

    def rotate(self, key: Any, days: int) -> Secret:
        raise NotImplementedError

    def revoke(self, key: Any) -> Any:
        """The key, revoked."""
        raise NotImplementedError

    def unknown(self) -> str:
        """What to say of an `%(id)s` that there is not."""
        raise NotImplementedError

    def shown_once(self) -> str:
        """What to say of the new key `%(id)s` of `%(client)s`."""
        raise NotImplementedError

    def facts(self, key: Any) -> dict[str, Any]:
        """A key of the list, for programs."""
        return facts_of(key)

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
        self.add_acts(acts)
        for sub in acts.choices.values():
            sub.add_argument("--json", action="store_true", help=_("for programs"))

    def add_acts(self, acts: Any) -> None:
        """Acts beyond the four; `_<act>` of the command does it."""

    def handle(self, *_args: Any, **options: Any) -> None:
        with sentences(), recorded("administer", self._resource(options)):
            getattr(self, f"_{options['act']}")(options)

    def _issue(self, options: dict[str, Any]) -> None:
        days = options["expires_in"]
        ends = None if days is None else timezone.now() + dt.timedelta(days=days)
        self._show(*self.issue(get_client(options["client"]), options["label"], ends), options)

    def _rotate(self, options: dict[str, Any]) -> None:
        self._show(*self.rotate(self._get(options["id"]), options["days"]), options)

    def _revoke(self, options: dict[str, Any]) -> None:
        key = self.revoke(self._get(options["id"]))
        self.stdout.write(
            as_json(facts_of(key)) if options["json"] else line_of(key, timezone.now())
        )

    def _list(self, options: dict[str, Any]) -> None:
        rows: Any = with_last_use(self.model.objects.order_by("client_id", "-created_at"))
        if options["client"]:
            rows = rows.filter(client=get_client(options["client"]))
        if options["json"]:
            self.stdout.write(as_json([self.facts(key) for key in rows]))
            return
        self.stdout.write("\n".join(line_of(key, timezone.now()) for key in rows))

    def _show(self, key: Any, secret: str, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(as_json({**facts_of(key), "secret": secret}))
            return
        self.stdout.write(secret)
        self.stderr.write(self.shown_once() % {"id": key.pk, "client": key.client_id})

    def _get(self, key_id: str) -> Any:
        found = self.model.objects.filter(pk=key_id).first()
        if found is None:
            raise CommandError(self.unknown() % {"id": key_id})
        return found

    def _resource(self, options: dict[str, Any]) -> str:
        if options.get("id"):
            return f"{self.kind}:{options['id']}"[:200]
        return f"client:{options['client']}"[:200] if options.get("client") else self.kind
