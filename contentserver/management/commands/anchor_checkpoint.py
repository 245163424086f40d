"""`manage.py anchor_checkpoint`: which checkpoints have left the machine, and one sent now."""

import datetime as dt
import json
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from contentserver.conf import Config
from contentserver.operations.command_audit import recorded_act
from skold.anchors.anchoring import Anchoring
from skold.anchors.places import Place
from skold.anchors.state import AnchorState, read_state
from skold.anchors.ways import NotAnchoredError
from skold.journal import JournalUnavailable
from skold.management.examples import CommandWithExamples

EXAMPLES = """examples:
  manage.py anchor_checkpoint           show the places and what they have
  manage.py anchor_checkpoint --now     send the newest checkpoint to every place now
  manage.py anchor_checkpoint --json    for a program
"""


class Command(CommandWithExamples):
    help = _(
        "Shows how it stands with the places of SKOLD_ANCHORS; with --now the newest checkpoint "
        "goes there without waiting for the hour. Needs no database. Ends with 1 if a place could "
        "not be reached, or has had no checkpoint for 26 hours."
    )
    examples = EXAMPLES
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", action="store_true", help=_("send to every place now"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        failed = _anchor(config) if options["now"] else []
        state = read_state(config.ledger, config.anchors)
        self.stdout.write(_as_json(state) if options["json"] else _as_text(state))
        if failed:
            raise CommandError(_("Not anchored at: %(names)s.") % {"names": ", ".join(failed)})
        if state.not_anchored:
            raise CommandError(_("The ledger is not anchored."))


def _anchor(config: Config) -> list[str]:
    """At every place, one after the other; the names of those that failed. Recorded before."""
    places = read_state(config.ledger, config.anchors).places
    try:
        with recorded_act(config, "anchors") as said:
            failed = [place.name for place in places if not _arrives(config, place)]
            if failed:
                said |= {"status": 502, "outcome": "failed"}
    except JournalUnavailable as error:
        raise CommandError(str(error)) from error
    return failed


def _arrives(config: Config, place: Place) -> bool:
    anchoring = Anchoring(config.ledger, place, config.anchor_ways, interval=config.anchor_interval)
    try:
        anchoring.attempt()
    except NotAnchoredError:
        return False  # logged, and in the state that is shown
    return True


def _as_json(state: AnchorState) -> str:
    places = [
        {
            "place": place.name,
            "kind": place.kind,
            "address": place.address,
            "last": _iso(state.last.get(place.name)),
            "covered": _iso(state.covered.get(place.name)),
            "size": state.sizes[place.name],
            "signer_verified": state.signer_verified[place.name],
            "failures": state.failures[place.name],
            "error": state.error.get(place.name),
        }
        for place in state.places
    ]
    document = {
        "places": places,
        "wrong": list(state.wrong),
        "size": state.size,
        "not_anchored": state.not_anchored,
    }
    return json.dumps(document, indent=1)


def _iso(time: dt.datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _as_text(state: AnchorState) -> str:
    lines = list(state.wrong)
    if not state.places:
        lines.append(_("No place is named: set SKOLD_ANCHORS (docs/operations.md)."))
    for place in state.places:
        name = place.name
        if name in state.last:
            text = _("%(address)s: %(size)s records at %(at)s")
            facts = {
                "address": place.address,
                "size": state.sizes[name],
                "at": f"{state.last[name]:%Y-%m-%d %H:%M:%S} UTC",
            }
            lines.append(text % facts)
        else:
            lines.append(_("%(address)s: nothing yet") % {"address": place.address})
        if state.signer_verified[name] is False:
            lines.append(_("  its signature was not verified: set SKOLD_ANCHOR_CA_FILE"))
        if name in state.error:
            lines.append(_("  failed: %(error)s") % {"error": state.error[name]})
    return "\n".join(lines)
