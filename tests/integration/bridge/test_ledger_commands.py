"""Commands of the audit's tree: keys rotate under a running bridge, a loss is declared."""

import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from contentserver import checkpoint_keys, runtime
from contentserver.conf import Config
from contentserver.operations.ledger import LedgerLoop
from skold.checkpoints import open_checkpoint
from skold.journal import Journal
from skold.ledger.bundles import Bundles
from skold.ledger.checkpointer import LedgerForkedError
from skold.ledger.mark import read_mark
from skold.notes import open_note, parse_verifier
from skold.verifier.verify_audit import read_keys
from tests.support.plane import Home


def run(config: Config, *given: str) -> str:
    """What a command prints."""
    out = StringIO()
    with override_settings(CONFIG=config):
        call_command(*given, stdout=out, stderr=StringIO())
    return out.getvalue()


def open_loop(config: Config) -> LedgerLoop:
    return LedgerLoop(config, runtime.data_keyset(config), runtime.bridge_keyset(config))


def access(config: Config) -> None:
    journal = Journal(config.journal_dirs, config.node)
    journal.start()
    journal.append("req", {"id": "r"}).wait(9)
    journal.close()


def resources(config: Config) -> list[Any]:
    """What the records in the ledger say was changed."""
    leaves = read_mark(config.ledger, config.node).leaves
    bodies = [
        json.loads(leaf.body) for leaf in Bundles(config.ledger).iter_leaves(0, leaves, leaves)
    ]
    return [body["resource"] for body in bodies if "resource" in body]


def test_keys_of_checkpoints_rotate_under_a_running_bridge(home: Home) -> None:
    config, loop = home.config, open_loop(home.config)
    access(config)
    loop.step()
    (first,) = json.loads(run(config, "show_verify_keys", "--purpose", "checkpoint", "--json"))
    begun = json.loads(run(config, "rotate_signing_key", "checkpoint", "--json"))
    assert begun["signing"] == [first["key_id"], begun["begun"]]
    with pytest.raises(CommandError, match="No checkpoint is signed with the new key yet"):
        run(config, "rotate_signing_key", "checkpoint", "--finish")

    loop.step()
    keys = [
        parse_verifier(line.split()[1])
        for line in run(config, "show_verify_keys", "--purpose", "checkpoint").splitlines()
    ]
    note = (config.ledger / "checkpoint").read_bytes()
    assert open_note(note, keys)[1] == keys
    assert str(keys[0]) == first["verify_key"]

    ended = json.loads(run(config, "rotate_signing_key", "checkpoint", "--finish", "--json"))
    assert ended["ended"] == [first["key_id"]]
    loop.step()
    note = (config.ledger / "checkpoint").read_bytes()
    assert open_note(note, keys)[1] == keys[1:]
    loop.close()
    again = open_loop(config)
    access(config)
    again.step()
    assert resources(config).count("signing-key:checkpoint") == 2
    again.close()


def test_a_dry_run_rotates_nothing(home: Home) -> None:
    before = home.config.bridge_keyset.read_bytes()
    told = run(home.config, "rotate_signing_key", "policy", "--dry-run", "--json")
    assert len(json.loads(told)["signing"]) == 1
    assert home.config.bridge_keyset.read_bytes() == before


def test_every_purpose_has_a_name_of_its_own_to_write_down(home: Home) -> None:
    lines = run(home.config, "show_verify_keys").splitlines()
    names = {parse_verifier(line.split()[1]).name for line in lines}
    assert len(names) == len(lines) > 4
    assert checkpoint_keys.origin(home.config) in names


def test_a_lost_ledger_waits_until_somebody_says_so_and_why(home: Home) -> None:
    config, loop = home.config, open_loop(home.config)
    access(config)
    loop.step()
    shutil.copytree(config.ledger, config.home / "copy")
    access(config)
    loop.step()
    loop.close()
    shutil.rmtree(config.ledger)
    (config.home / "copy").rename(config.ledger)

    loop = open_loop(config)
    for _ in range(2):
        with pytest.raises(LedgerForkedError, match="confirm_ledger"):
            loop.step()
    assert loop.facts()["covered_at"] is not None
    with pytest.raises(CommandError, match="does not continue"):
        run(config, "confirm_ledger")
    for wrong in (["--lost", "5", "--reason", "x"], ["--lost", "6"]):
        with pytest.raises(CommandError, match="Give --lost 6"):
            run(config, "confirm_ledger", *wrong)
    told = run(config, "confirm_ledger", "--lost", "6", "--reason", "disk lost", "--json")
    assert json.loads(told)["lost"] is None

    loop.step()
    assert "ledger-loss:node-1:3-6" in resources(config)
    (declared,) = (config.ledger / "forks").iterdir()
    assert json.loads(declared.read_bytes())["reason"] == "disk lost"
    keys = checkpoint_keys.verifiers(config, runtime.data_keyset(config))
    note = (config.ledger / "checkpoint").read_bytes()
    assert open_checkpoint(note, keys, checkpoint_keys.origin(config)).size > 6
    assert "continues every checkpoint" in run(config, "confirm_ledger")
    loop.close()


def test_a_damaged_tree_is_named_compared_and_made_again(home: Home) -> None:
    config, loop = home.config, open_loop(home.config)
    for _ in range(2):
        access(config)
    loop.step()
    with pytest.raises(CommandError, match="another process"):
        run(config, "rebuild_tree")
    loop.close()
    (tile,) = (config.ledger / "tile/0/000.p").iterdir()
    good = tile.read_bytes()
    tile.write_bytes(bytes(len(good)))
    with pytest.raises(CommandError, match="1 tiles differ"):
        run(config, "rebuild_tree", "--dry-run")
    assert tile.read_bytes() != good
    assert "the checkpoint fits" in run(config, "rebuild_tree")
    assert tile.read_bytes() == good
    assert "fits the entries" in run(config, "rebuild_tree", "--dry-run")


def test_what_an_auditor_writes_down_is_what_his_verifier_takes(home: Home, tmp_path: Path) -> None:
    line = run(home.config, "show_verify_keys", "--purpose", "checkpoint")
    written = tmp_path / "key.txt"
    written.write_text(line)
    alone = parse_verifier(line.split()[1]).public
    assert [key.public for key in read_keys([str(written), line])] == [alone, alone]
