"""How often a server made the disk flush, counted inside it (counting/sitecustomize.py)."""

import struct
from pathlib import Path

COUNTING = Path(__file__).parent / "counting"


def environment(folder: Path) -> dict[str, str]:
    """What makes a Python server count into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return {"PYTHONPATH": str(COUNTING), "FLUSH_COUNTS": str(folder)}


def total(folder: Path) -> int:
    """Flushes so far, of all processes that count into `folder`."""
    return sum(struct.unpack("=Q", path.read_bytes())[0] for path in folder.iterdir())
