"""Secrets in files that their owner alone reads."""

import os
from pathlib import Path


def write_secret(path: Path, secret: str) -> None:
    """Replace the file as a whole, mode 0600, durably; makes its folder, 0700. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{secret}\n")
        file.flush()
        os.fsync(descriptor)
    half.replace(path)
