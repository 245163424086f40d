"""Signed, numbered JSON documents: policy, layout and what follows them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class SignatureInvalid(Exception):
    """The document is not what one of the known keys signed; the text says why."""


class PolicyMissing(Exception):
    """No document that verifies was ever seen."""


class PolicyTooOld(Exception):
    """The last good document was stamped longer ago than max_age allows."""


@dataclass(frozen=True, slots=True)
class Document:
    """`issued_at` is epoch seconds, UTC."""

    number: int
    issued_at: int
    payload: dict[str, Any]


def sign(
    kind: str,
    number: int,
    payload: dict[str, Any],
    key_id: str,
    key: Ed25519PrivateKey,
    *,
    issued_at: int | None = None,
) -> bytes:
    """The bytes of a file that `verify` accepts; `issued_at` defaults to now."""
    raise NotImplementedError


def verify(raw: bytes, kind: str, keys: Mapping[str, bytes]) -> Document:
    """Raises SignatureInvalid. `keys`: key id -> raw 32-byte Ed25519 public key."""
    raise NotImplementedError


def publish(path: str | Path, raw: bytes) -> None:
    """Replace the file durably: temporary name, fsync, rename, fsync of the directory."""
    raise NotImplementedError


class SignedFile:
    """The last good version of a signed file, looked at again each `check_interval` seconds."""

    alarm: str | None

    def __init__(
        self,
        path: str | Path,
        kind: str,
        verify_keys: Mapping[str, bytes],
        max_age: int | None,
        check_interval: float = 0.25,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """`max_age` in seconds, None for no limit; `clock` gives ns since the epoch."""

    def current(self) -> Document:
        """Raises PolicyMissing or PolicyTooOld."""
        raise NotImplementedError

    @property
    def age_seconds(self) -> float | None:
        """Seconds since the last good document was stamped; None before the first."""
        raise NotImplementedError
