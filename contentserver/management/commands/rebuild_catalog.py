"""`manage.py rebuild_catalog`: the catalog made again from the disk, or proved equal to it."""

import json
import uuid
from typing import Any, Self

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from contentserver import runtime
from contentserver.catalog.compare import OutOfOrder
from contentserver.catalog.rebuild import Outcome, Rebuild, as_json
from contentserver.store.errors import StoreError
from skold.management.examples import CommandWithExamples

EXAMPLES = """examples:
  manage.py rebuild_catalog                   make the catalog equal to the disk; goes on where it was cut off
  manage.py rebuild_catalog --check           prove both equal; exit code 1 and a list where they are not
  manage.py rebuild_catalog --dry-run         show what would be added, mended and dropped
  manage.py rebuild_catalog --drop-missing    also drop rows whose files the disk no longer holds
  manage.py rebuild_catalog --check --json    the same for programs
"""  # noqa: E501 - as it is printed


class Command(CommandWithExamples):
    help = _(
        "Makes the catalog again by walking the store, or proves it equal (--check). Rows that the "
        "disk does not hold are kept and reported unless --drop-missing is given: such a row may "
        "be the last trace of a lost file."
    )
    examples = EXAMPLES

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--check", action="store_true", help=_("compare only; 1 if unequal"))
        what.add_argument("--dry-run", action="store_true", help=_("show what would be done"))
        what.add_argument(
            "--drop-missing", action="store_true", help=_("drop rows that the disk does not hold")
        )
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            outcome = self._walk(options)
        except (StoreError, OutOfOrder) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(as_json(outcome), indent=2))
        else:
            _print(Console(file=self.stdout), outcome, planned=options["dry_run"])  # type: ignore[arg-type]
        if not outcome.equal and not options["dry_run"]:
            raise CommandError(_("Disk and catalog are not equal."), returncode=1)

    def _walk(self, options: dict[str, Any]) -> Outcome:
        config = settings.CONFIG
        keyset = runtime.data_keyset(config)
        layout = runtime.layout_file(config, keyset)
        store = runtime.open_store(config, keyset, layout)
        try:
            with _Bar(hidden=options["json"]) as bar:
                rebuild = Rebuild(
                    store,
                    node=config.node,
                    years=[int(year) for year in layout.current().payload["years"]],
                    drop_missing=options["drop_missing"],
                    progress=bar,
                )
                only_look = options["check"] or options["dry_run"]
                return rebuild.check() if only_look else rebuild.run()
        finally:
            store.close()


class _Bar:
    """A bar for each year. Addresses are uniform, so the one reached says how far the walk is."""

    def __init__(self, *, hidden: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[versions]}"),
            console=Console(stderr=True),
            disable=hidden,
        )
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._progress.stop()

    def __call__(self, year: int, address: uuid.UUID, versions: int) -> None:
        if year not in self._tasks:
            self._tasks[year] = self._progress.add_task(str(year), total=1 << 32, versions="")
        said = _("%(versions)d versions") % {"versions": versions}
        self._progress.update(self._tasks[year], completed=address.int >> 96, versions=said)


def _print(console: Console, outcome: Outcome, *, planned: bool) -> None:
    table = Table(title=_("Would be done") if planned else _("Catalog and disk"), show_header=False)
    done = {
        _("added"): outcome.added,
        _("mended"): outcome.mended,
        _("dropped"): outcome.dropped,
        _("on their way through the outbox"): outcome.waiting,
    }
    left = {str(_KINDS[kind]): count for kind, count in outcome.left.items()}
    table.add_row(_("versions on disk"), str(outcome.versions))
    for name, count in {**done, **left}.items():
        if count:
            table.add_row(name, str(count))
    console.print(table)
    for found in outcome.examples:
        console.print(
            f"{found.kind} {found.address.hex} {found.version}: {found.detail}",
            markup=False,
            highlight=False,
        )
    if outcome.equal:
        console.print(_("Disk and catalog are equal."))


_KINDS = {
    "missing": gettext_lazy("missing in the catalog"),
    "extra": gettext_lazy("in the catalog, not on disk"),
    "different": gettext_lazy("different"),
    "unreadable": gettext_lazy("unreadable on disk"),
}
