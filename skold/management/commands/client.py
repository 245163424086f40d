"""`manage.py client`: the systems of the institution that call us."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from skold import services
from skold.control.commands import actor, recorded
from skold.management.acting import as_json, get_client, sentences
from skold.models import ActingFor, Client


class Command(BaseCommand):
    help = (
        "Creates clients, changes them, switches them on or off, lists them. "
        "Example: manage.py client create portal --name Portal --range 10.1.0.0/16"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        for act in ("create", "change"):
            made = acts.add_parser(act)
            made.add_argument("client")
            made.add_argument("--name", required=act == "create")
            made.add_argument(
                "--range", action="append", dest="ranges", metavar="CIDR",
                help=_("an address range it comes from; again for more; default: any"),
            )  # fmt: skip
            made.add_argument("--end-users", choices=ActingFor.values, dest="may_act_for")
        for act in ("enable", "disable"):
            acts.add_parser(act).add_argument("client")
        acts.add_parser("list")
        for sub in acts.choices.values():
            sub.add_argument("--json", action="store_true", help=_("for programs"))

    def handle(self, *_args: Any, **options: Any) -> None:
        act = options["act"]
        name = options.get("client")
        with sentences(), recorded("administer", f"client:{name}" if name else "client"):
            found = getattr(self, f"_{act}")(options)
        if options["json"]:
            self.stdout.write(as_json([_facts(each) for each in found]))
        else:
            self.stdout.write("\n".join(_line(each) for each in found))

    def _create(self, options: dict[str, Any]) -> list[Client]:
        may = options["may_act_for"] or ActingFor.OPTIONAL
        made = services.create_client(
            actor=actor(),
            id=options["client"],
            name=options["name"],
            address_ranges=options["ranges"] or [],
            may_act_for=may,
        )
        return [made]

    def _change(self, options: dict[str, Any]) -> list[Client]:
        given = {
            "name": options["name"],
            "address_ranges": options["ranges"],
            "may_act_for": options["may_act_for"],
        }
        return self._set(options, {field: each for field, each in given.items() if each})

    def _enable(self, options: dict[str, Any]) -> list[Client]:
        return self._set(options, {"enabled": True})

    def _disable(self, options: dict[str, Any]) -> list[Client]:
        return self._set(options, {"enabled": False})

    def _list(self, _options: dict[str, Any]) -> list[Client]:
        return list(Client.objects.order_by("pk"))

    def _set(self, options: dict[str, Any], changes: dict[str, Any]) -> list[Client]:
        client = get_client(options["client"])
        return [services.change_client(actor=actor(), client=client, changes=changes)]


def _facts(client: Client) -> dict[str, Any]:
    return {
        "id": client.pk,
        "name": client.name,
        "enabled": client.enabled,
        "address_ranges": client.address_ranges,
        "may_act_for": str(client.may_act_for),
    }


def _line(client: Client) -> str:
    state = _("enabled") if client.enabled else _("disabled")
    return f"{client.pk}  {state}  {', '.join(client.address_ranges) or _('any')}  {client.name}"
