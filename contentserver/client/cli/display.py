"""How far a copy is: bytes, rate, time left and the files under way; nothing where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Protocol, TextIO

from contentserver.client import Progress

Told = Callable[[Progress], None]


class Display(Protocol):
    """What a copy tells of itself, from several threads."""

    def expect(self, files: int, size: int) -> None:
        """There is so much more to do."""

    def file(self, name: str, size: int | None) -> "FileDisplay":
        """A transfer begins; its progress goes to what this returns."""

    def settled(self, state: str, size: int) -> None:
        """A file is dealt with; `size` bytes of it were not transferred."""

    def note(self, text: str) -> None:
        """A remark that stays."""


class FileDisplay(Protocol):
    def __enter__(self) -> Told: ...
    def __exit__(self, *_error: object) -> None: ...


class Nothing:
    """For pipes, --json and --quiet. What stays is said all the same."""

    def __init__(self, note: Callable[[str], None]) -> None:
        self.note = note

    def expect(self, files: int, size: int) -> None:
        pass

    def file(self, name: str, size: int | None) -> "_Unseen":  # noqa: ARG002
        return _Unseen()

    def settled(self, state: str, size: int) -> None:
        pass


class _Unseen:
    def __enter__(self) -> Told:
        return lambda _: None

    def __exit__(self, *_error: object) -> None:
        pass


@contextmanager
def display(
    title: str, errors: TextIO, *, hidden: bool, note: Callable[[str], None]
) -> Iterator[Display]:
    """Bars while the block runs if `errors` is a terminal, and rich is installed."""
    if hidden or not errors.isatty() or find_spec("rich") is None:
        yield Nothing(note)
        return
    from contentserver.client.cli.bars import Bars  # noqa: PLC0415 - rich is slow to import

    with Bars(title, errors) as bars:
        yield bars
