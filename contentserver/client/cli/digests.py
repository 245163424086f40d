"""SHA-256 of files of this disk."""

import hashlib


def sha256_of(path: str) -> str:
    """In hex. Raises OSError."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
