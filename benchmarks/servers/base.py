"""What the benchmark asks of every server."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.corpus import Target


class Unavailable(Exception):
    """This machine cannot run the server; the message goes into its row."""


class Server(ABC):
    """One server: brought up with the corpus in it, then loaded, then stopped."""

    name: str
    port: int

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def start(self) -> None:
        """Bring the server up. Raises Unavailable, or processes.DidNotStart."""

    @abstractmethod
    def stop(self) -> None:
        """End it and its processes."""

    @abstractmethod
    def fill(self, count: int, size: int) -> list[Target]:
        """Put the corpus into it; the answer names each file by the path it is asked for."""

    @abstractmethod
    def pids(self) -> Sequence[int]:
        """Every process (with its descendants) whose memory the server needs."""

    def worker_pids(self) -> Sequence[int]:
        """The processes that carry the bytes."""
        return self.pids()

    headers: dict[str, str] = {}
    upload_to = ""
    upload_method = "PUT"

    def targets(self, files: Sequence[Target]) -> str:
        """Write the list that the load generators walk; the answer is its path."""
        path = self.folder / "targets.txt"
        path.write_text("".join(f"{file.name}\t{file.length}\t{file.sha256}\n" for file in files))
        return str(path)

    def close(self) -> None:  # noqa: B027 - most servers have nothing to add
        """End what outlives `stop`, a database for instance."""

    def mark(self) -> Any:
        """This moment, for `compare_records`."""
        return None

    def compare_records(self, _mark: Any, _requests: int, _unfinished: int) -> str | None:
        """Wait until the records of a load are complete and compare them with its requests; what
        differs, or None. `unfinished`: so many more may have been begun.
        """
        return None

    def count_flushes(self, _load: Callable[[], int]) -> float | None:
        """Flushes of the disk for each answer of a load (`load()` makes it and answers their
        number), or None where they cannot be counted.
        """
        return None
