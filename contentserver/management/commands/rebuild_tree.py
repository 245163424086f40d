"""`manage.py rebuild_tree`: hash tiles made again from the ledger's entries."""

import dataclasses
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import Progress

from contentserver import checkpoint_keys, runtime
from contentserver.conf import Config
from contentserver.operations.command_audit import recorded_act
from contentserver.store.errors import StoreError
from skold.checkpoints import CheckpointInvalidError
from skold.journal import JournalUnavailable
from skold.ledger.bundles import LedgerDamagedError
from skold.ledger.checkpointer import LedgerForkedError
from skold.ledger.mark import MarkInvalidError, read_mark, write_mark
from skold.ledger.sequencer import LedgerInUseError, locked
from skold.ledger.tiles import Tiles
from skold.ledger.tree import Tree
from skold.ledger.tree_build import build_tree, compare_tree, finish_building


class Command(BaseCommand):
    help = _(
        "Makes the hash tiles of the audit's tree again from its entries, and holds the result "
        "against the last checkpoint. For tiles that are damaged or lost; stop the bridge first. "
        "May be killed and started again: it goes on where it was. --dry-run compares and writes "
        "nothing, also while the bridge runs. Example: manage.py rebuild_tree --dry-run"
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help=_("name the tiles that differ"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        try:
            if options["dry_run"]:
                self._compare(config)
            else:
                self._rebuild(config)
        except (StoreError, JournalUnavailable, OSError, *_DAMAGE) as error:
            raise CommandError(str(error)) from error

    def _compare(self, config: Config) -> None:
        leaves = read_mark(config.ledger, config.node).leaves
        differing = list(compare_tree(config.ledger, leaves))
        for name in differing:
            self.stdout.write(name)
        if differing:
            raise CommandError(_("%d tiles differ from the entries.") % len(differing))
        self.stdout.write(_("Every tile of %d leaves fits the entries.") % leaves)

    def _rebuild(self, config: Config) -> None:
        with locked(config.ledger), recorded_act(config, f"ledger-tree:{config.node}"):
            mark = read_mark(config.ledger, config.node)
            leaves = mark.leaves
            with Progress(console=Console(stderr=True)) as shown:
                task = shown.add_task(_("tiles"), total=leaves)
                tree = build_tree(
                    config.ledger, leaves, lambda done, _all: shown.update(task, completed=done)
                )
            write_mark(config.ledger, dataclasses.replace(mark, tiles=True))
            finish_building(config.ledger)
            _hold(config, tree)
        self.stdout.write(_("Made the tiles of %d leaves; the checkpoint fits.") % leaves)


_DAMAGE = (
    CheckpointInvalidError,
    LedgerDamagedError,
    LedgerForkedError,
    LedgerInUseError,
    MarkInvalidError,
)


def _hold(config: Config, tree: Tree) -> None:
    keysets = runtime.data_keyset(config), runtime.bridge_keyset(config)
    checkpointer = checkpoint_keys.open_checkpointer(config, *keysets)
    checkpointer.hold(Tiles(config.ledger), tree)
