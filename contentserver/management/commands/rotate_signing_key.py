"""`manage.py rotate_signing_key`: a new signing key, and later the end of the old one."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from contentserver import checkpoint_keys, runtime
from contentserver.conf import Config
from contentserver.operations.command_audit import recorded_act
from contentserver.store import key_rotation
from contentserver.store.errors import StoreError
from contentserver.store.keyset_file import PURPOSES, read_root_key
from skold.checkpoints import CheckpointInvalidError, open_checkpoint
from skold.journal import JournalUnavailable
from skold.ledger.proofs import NoCheckpointError, TreeReader

CHECKPOINT = "checkpoint"


class Command(BaseCommand):
    help = _(
        "Gives a purpose a new signing key. Checkpoints are signed by both keys from then on, so "
        "that auditors can write the new one down (show_verify_keys); everything else is signed "
        "by the new one, once the bridge was started again. With --finish the old private key is "
        "removed; its verify key stays, because what it signed has to be verified for ever. "
        "Needs both root keys. Example: manage.py rotate_signing_key checkpoint"
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("purpose", choices=PURPOSES)
        parser.add_argument("--finish", action="store_true", help=_("remove the old signing key"))
        parser.add_argument("--dry-run", action="store_true", help=_("only say what is there"))
        parser.add_argument("--json", action="store_true", help=_("print one JSON object"))

    def handle(self, *_args: Any, **options: Any) -> None:
        config: Config = settings.CONFIG
        purpose, finish = options["purpose"], options["finish"]
        try:
            told: dict[str, Any] = {"purpose": purpose}
            if not options["dry_run"]:
                told |= _finish(config, purpose) if finish else _begin(config, purpose)
            signing = runtime.bridge_keyset(config).signing_keys(purpose)
        except (StoreError, JournalUnavailable, OSError) as error:
            raise CommandError(str(error)) from error
        told["signing"] = [key_id for key_id, _key in signing]
        self._say(told, as_json=options["json"])

    def _say(self, told: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(told))
            return
        if told.get("begun"):
            self.stdout.write(_("Made the key %s.") % told["begun"])
            if told["purpose"] == CHECKPOINT:
                self.stdout.write(_("The bridge signs with it from its next checkpoint on."))
            else:
                self.stdout.write(_("Start the bridge again: it signs with it from then on."))
            text = _("Then finish with: manage.py rotate_signing_key %s --finish")
            self.stdout.write(text % told["purpose"])
        for key_id in told.get("ended", ()):
            self.stdout.write(_("Removed the signing key %s; its verify key stays.") % key_id)
        self.stdout.write(_("Signing keys: %s") % ", ".join(told["signing"]))


def _begin(config: Config, purpose: str) -> dict[str, Any]:
    roots = (
        read_root_key(config.data_root_key, "data"),
        read_root_key(config.bridge_root_key, "bridge"),
    )
    with recorded_act(config, f"signing-key:{purpose}"):
        return {"begun": key_rotation.begin(config.keys, *roots, purpose)}


def _finish(config: Config, purpose: str) -> dict[str, Any]:
    if purpose == CHECKPOINT:
        _check_taken_up(config)
    with recorded_act(config, f"signing-key:{purpose}"):
        root = read_root_key(config.bridge_root_key, "bridge")
        return {"ended": key_rotation.finish(config.keys, root, purpose)}


def _check_taken_up(config: Config) -> None:
    """The old key may go once a checkpoint stands that the new one has signed."""
    newest = checkpoint_keys.signers(config, runtime.bridge_keyset(config))[-1].verifier
    try:
        note = TreeReader(config.ledger).checkpoint_text()
        open_checkpoint(note, [newest], checkpoint_keys.origin(config))
    except (NoCheckpointError, CheckpointInvalidError) as error:
        raise CommandError(
            _("No checkpoint is signed with the new key yet. Is the bridge running? %s") % error
        ) from error
