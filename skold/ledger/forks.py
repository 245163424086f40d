"""A loss that an operator declared: leaves that were signed once are gone for good.

    <ledger>/forks/<20 digits: leaves that were signed>.<8 hex digits of that root>.json
    {"format": "skold-ledger-fork-1", "at", "actor", "reason",
     "signed": {"size", "root": hex}, "kept": {"size", "root": hex}, "checkpoint": the signed note}

The declaration stays for ever, so that whoever holds an older checkpoint finds why this ledger does
not continue it.
"""

import os
from pathlib import Path
from typing import Any

import orjson

from skold.checkpoints import Checkpoint
from skold.disk import Disk, replace_durably
from skold.ledger.tiles import Tiles
from skold.ledger.tree import Tree, extends
from skold.timestamps import Timestamps

FORMAT = "skold-ledger-fork-1"


def declare(
    ledger: str | os.PathLike[str],
    *,
    actor: str,
    reason: str,
    signed: Checkpoint,
    note: str,
    kept: Tree,
    now: int,
) -> Path:
    """Declare durably that the ledger goes on from `kept`, though `signed` was signed. `now` in ns
    since the epoch.
    """
    document = {
        "format": FORMAT,
        "at": Timestamps()(now),
        "actor": actor,
        "reason": reason,
        "signed": {"size": signed.size, "root": signed.root.hex()},
        "kept": {"size": kept.size, "root": kept.root.hex()},
        "checkpoint": note,
    }
    path = _path(ledger, signed)
    Disk().make_folder(path.parent)
    replace_durably(path, orjson.dumps(document, option=orjson.OPT_INDENT_2))
    return path


def is_declared(
    ledger: str | os.PathLike[str], signed: Checkpoint, tiles: Tiles, tree: Tree
) -> bool:
    """Whether it was declared that this checkpoint is not continued, and the tree is one that goes
    on from what was kept then.
    """
    try:
        found = orjson.loads(_path(ledger, signed).read_bytes())
        same = _read(found["signed"]) == (signed.size, signed.root)
        kept = _read(found["kept"])
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return False
    return same and found.get("format") == FORMAT and extends(tiles, tree, *kept)


def _path(ledger: str | os.PathLike[str], signed: Checkpoint) -> Path:
    return Path(ledger) / "forks" / f"{signed.size:020d}.{signed.root.hex()[:8]}.json"


def _read(entry: dict[str, Any]) -> tuple[int, bytes]:
    return int(entry["size"]), bytes.fromhex(entry["root"])
