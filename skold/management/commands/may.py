"""`manage.py may CLIENT ACTION COLLECTION/KEY`: what the gate says under the policy on disk."""

import ipaddress
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from skold import simulation_words as words
from skold.api.simulation import shown
from skold.control import simulating
from skold.control.commands import recorded
from skold.control.simulating import Simulation
from skold.models import Action
from skold.policy import PolicyInvalid
from skold.signed import PolicyMissing, PolicyTooOld
from skold.simulation import KINDS, Wish


class Command(BaseCommand):
    help = (
        "Says whether a client may do something now, by which rule, and what would have to change."
        " Ends with 1 if it may not. Example:"
        " manage.py may campus read photos/2025/a.jpg --year 2025 --address 10.1.2.3"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("client")
        parser.add_argument("action", choices=Action.values)
        parser.add_argument(
            "place",
            help=_("COLLECTION/KEY, COLLECTION for the whole of it, * for the institution"),
        )
        parser.add_argument("--year", type=int, help=_("of the version"))
        parser.add_argument("--credential", choices=KINDS, default="api_key")
        parser.add_argument("--end-user", help=_("for whom the client acts"))
        parser.add_argument("--address", help=_("where the request comes from"))
        parser.add_argument("--json", action="store_true", help=_("for programs"))

    def handle(self, *_args: Any, **options: Any) -> None:
        wish = _wish(options)
        try:
            with recorded("administer", f"simulation:{wish.client}", wish.collection):
                found = simulating.ask(wish)
        except (PolicyMissing, PolicyTooOld, PolicyInvalid) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(shown(found), default=str))
        else:
            self.stdout.write("\n".join(_lines(found)))
        if not found.outcome.decision.allowed:
            raise SystemExit(1)


def _wish(options: dict[str, Any]) -> Wish:
    collection, _bar, key = options["place"].partition("/")
    if options["address"] is not None:
        try:
            ipaddress.ip_address(options["address"])
        except ValueError as error:
            raise CommandError(_("--address is an IP address, for example 10.1.2.3.")) from error
    return Wish(
        options["client"],
        options["action"],
        None if collection in {"*", ""} else collection,
        key or None,
        options["year"],
        options["credential"],
        options["end_user"],
        options["address"],
    )


def _lines(found: Simulation) -> list[str]:
    outcome, policy = found.outcome, found.policy
    lines = [
        f"{words.answer(outcome)}: {words.reason(outcome)}",
        *([_("rule: %(rule)s") % {"rule": outcome.decision.rule}] if outcome.decision.rule else []),
        *words.changes(found.wish, outcome),
    ]
    told = {"number": policy.number, "age": policy.age_seconds}
    lines.append(_("policy %(number)s, stamped %(age)s seconds ago") % told)
    if policy.waiting:
        waiting = {"what": words.waiting_in_words(policy.waiting)}
        lines.append(_("not in it yet, but in the database: %(what)s") % waiting)
    return lines
