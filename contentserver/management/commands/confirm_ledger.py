"""`manage.py confirm_ledger`: records that were signed once are lost; go on without them."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver import checkpoint_keys, runtime
from contentserver.conf import Config
from contentserver.operations.command_audit import recorded_act
from contentserver.store.errors import StoreError
from skold.checkpoints import Checkpoint, CheckpointInvalidError, open_checkpoint
from skold.control.commands import actor
from skold.journal import JournalUnavailable
from skold.ledger.bundles import LedgerDamagedError
from skold.ledger.checkpointer import HIGHEST, NAME
from skold.ledger.forks import declare, is_declared
from skold.ledger.mark import MarkInvalidError, read_mark
from skold.ledger.tiles import Tiles
from skold.ledger.tree import Tree, extends, read_tree


class Command(BaseCommand):
    help = _(
        "After a restore: shows whether the ledger continues the checkpoints that were signed. "
        "If it does not, the bridge numbers and signs nothing, because records that were signed "
        "are missing. Put the newest copy of the ledger back. Only if there is none: --lost and "
        "--reason declare the loss for ever, and the bridge goes on from what is there. "
        "Example: manage.py confirm_ledger --lost 81725 --reason 'disk lost, no copy since May'"
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--lost", type=int, help=_("leaves of the checkpoint that is given up"))
        parser.add_argument("--reason", default="", help=_("what happened; kept in the ledger"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        try:
            tiles, tree = _open(config)
            lost = _find_lost(config, tiles, tree)
            if lost is not None and options["lost"] is not None:
                self._declare(config, options, tree, *lost)
                lost = None
        except (StoreError, JournalUnavailable, OSError, *_DAMAGE) as error:
            raise CommandError(str(error)) from error
        self._say(tree, lost[0] if lost else None, as_json=options["json"])
        if lost is not None:
            raise CommandError(_("The ledger does not continue what was signed."), returncode=1)

    def _say(self, tree: Tree, lost: Checkpoint | None, *, as_json: bool) -> None:
        if as_json:
            told = {"leaves": tree.size, "root": tree.root.hex(), "lost": lost and lost.size}
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(_("The ledger has %(leaves)d leaves.") % {"leaves": tree.size})
        if lost is None:
            self.stdout.write(_("It continues every checkpoint, or the loss was declared."))
            return
        text = _(
            "A checkpoint of %(signed)d leaves was signed, which it does not continue. Put the "
            "newest copy back. If there is none: manage.py confirm_ledger --lost %(signed)d "
            "--reason '…'. PostgreSQL's copy is then to be made again: manage.py rebuild_ledger"
        )
        self.stdout.write(text % {"signed": lost.size})

    def _declare(
        self, config: Config, options: dict[str, Any], tree: Tree, lost: Checkpoint, note: str
    ) -> None:
        if options["lost"] != lost.size or not options["reason"].strip():
            text = _("Give --lost %(size)d, and with --reason what happened.")
            raise CommandError(text % {"size": lost.size})
        with recorded_act(config, f"ledger-loss:{config.node}:{tree.size}-{lost.size}"):
            declare(
                config.ledger,
                actor=actor(),
                reason=options["reason"].strip(),
                signed=lost,
                note=note,
                kept=tree,
                now=time.time_ns(),
            )
        self.stderr.write(_("Declared. The bridge goes on within a quarter of a minute."))


_DAMAGE = (CheckpointInvalidError, LedgerDamagedError, MarkInvalidError)


def _open(config: Config) -> tuple[Tiles, Tree]:
    mark = read_mark(config.ledger, config.node)
    if not mark.tiles:
        raise CommandError(_("The ledger has no tiles yet; the bridge makes them first."))
    tiles = Tiles(config.ledger)
    return tiles, read_tree(tiles, mark.leaves)


def _find_lost(config: Config, tiles: Tiles, tree: Tree) -> tuple[Checkpoint, str] | None:
    """The larger of the known checkpoints that the tree does not continue, and its note."""
    keys = checkpoint_keys.verifiers(config, runtime.data_keyset(config))
    found = []
    for path in (config.ledger / NAME, config.published / HIGHEST):
        if not path.exists():
            continue
        note = path.read_bytes()
        known = open_checkpoint(note, keys, checkpoint_keys.origin(config))
        if not is_declared(config.ledger, known, tiles, tree) and not extends(
            tiles, tree, known.size, known.root
        ):
            found.append((known, note.decode()))
    return max(found, key=lambda each: each[0].size, default=None)
