"""What the review of the audit needs of the project: the ledger on disk, names of files.

Installed beside skold.control.parts, usually in `AppConfig.ready`. Sköld knows nothing of files:
it is given callables that do.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skold.control.parts import NotInstalledError
from skold.notes import Verifier
from skold.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as the project knows it; `address` as in the audit."""

    address: str
    collection: str
    key: str


AddressOf = Callable[[str, str], str | None]
"""Collection and key -> the address in the audit; None for what can be no file."""
FilesAbout = Callable[[str, int], Sequence[KnownFile]]
"""Data subject and a limit -> files that are about this person."""
NamesOf = Callable[[Iterable[str]], dict[str, KnownFile]]
"""Addresses -> those that are known."""
Verifiers = Callable[[], Sequence[Verifier]]
"""The keys whose signatures of this node's checkpoints hold."""


@dataclass(frozen=True, slots=True)
class ReviewParts:
    """`node` is the one whose `ledger` and `journals` lie on this machine."""

    node: str
    ledger: Path
    journals: Sequence[Path]
    anchors: Sequence[str]
    thresholds: Thresholds
    address_of: AddressOf
    files_about: FilesAbout
    names_of: NamesOf
    verifiers: Verifiers = list


_installed: ReviewParts | None = None


def install(parts: ReviewParts) -> None:
    """Say where they come from."""
    global _installed
    _installed = parts


def get() -> ReviewParts:
    """What was installed. Raises NotInstalledError."""
    if _installed is None:
        raise NotInstalledError(
            "skold.control.review_parts.install was not called; call it in AppConfig.ready"
        )
    return _installed
