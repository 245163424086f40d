"""What every way out has in common: what is sent, what comes back, how it fails, how long it may
take."""

import contextlib
import enum
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAX_ANSWER = 64 * 1024
"""Bytes kept of what a place answers."""


class NotAnchoredError(Exception):
    """The checkpoint did not arrive; the text says why, without the address and without secrets."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A checkpoint as it leaves: `text` is the signed note, whole."""

    origin: str
    size: int
    root: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the place gave for it. `signer_verified` is None where a place signs nothing; `said` is
    the time by the place's own clock, where it tells one (RFC 3339)."""

    body: bytes
    media_type: str
    signer_verified: bool | None = None
    said: str | None = None


class Security(enum.StrEnum):
    """How a connection to the mail server is protected; NONE on this machine alone."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Mailing:
    """How mail leaves. Without a host or a sender, none does."""

    host: str = ""
    port: int = 587
    security: Security = Security.STARTTLS
    sender: str = ""
    user: str = ""
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Ways:
    """What the operator has set beside the addresses. `patience`: seconds for one place, all in
    all, so that one which answers byte by byte ends as well."""

    mailing: Mailing = field(default_factory=Mailing)
    tokens_file: Path | None = None
    stamp_ca_file: Path | None = None
    patience: float = 60.0


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[list[socket.socket]]:
    """Shuts down the sockets that are put into the list once the time is over.

    A timeout of a socket counts from byte to byte; this one counts from the beginning.
    """
    sockets: list[socket.socket] = []

    def end() -> None:
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield sockets
    finally:
        timer.cancel()


def secret_of(path: Path) -> str:
    """The content of a file that nobody else may read. Raises NotAnchoredError."""
    try:
        if path.stat().st_mode & 0o007:
            raise NotAnchoredError(f"{path.name} can be read by everybody; chmod 600 it")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotAnchoredError(f"{path.name} cannot be read: {type(error).__name__}") from error
