"""Threads that do the jobs of a sync, each with a connection of its own to the legacy database.

What is large goes on from here to import processes (`migrator.sync.crew`). Neither touches the
control database; all decisions and all records of them are the conductor's.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from migrator.importing import Importer, Outcome
from migrator.legacy.changes import ChangeLog
from migrator.legacy.description import Description, RecordId
from migrator.legacy.reader import LegacyReader
from migrator.sync.crew import MANY, Line


class Tools:
    """What a job works with; belongs to one thread."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        description: Description,
        importer: Importer,
        line: Line | None = None,
    ) -> None:
        """`line`: to an import process, where there are some."""
        self.connection = connection
        self.description = description
        self.reader = LegacyReader(connection, description)
        self.changes = ChangeLog(connection, description.name)
        self._importer = importer
        self._line = line

    def bring(self, ids: list[RecordId], *, only_missing: bool) -> list[Outcome]:
        """As `Importer.bring`; in an import process where it is worth that."""
        if self._line is not None and len(ids) >= MANY:
            return self._line.bring(ids, only_missing=only_missing)
        return self._importer.bring(self.connection, ids, only_missing=only_missing)


@dataclass(frozen=True, slots=True)
class Job:
    """`work` runs in a hand's thread; `take` gets what it returned, in the conductor's."""

    work: Callable[[Tools], Any]
    take: Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Done:
    """A job that came back; `error` where it raised."""

    hand: "Hand"
    job: Job
    result: Any = None
    error: Exception | None = None


class Hand:
    """One thread. `urgent_only`: kept free for changes, however long other work takes."""

    def __init__(
        self, open_tools: Callable[[], Tools], done: "queue.Queue[Done]", *, urgent_only: bool
    ) -> None:
        self.urgent_only = urgent_only
        self._open_tools = open_tools
        self._done = done
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
        self._thread.start()

    def give(self, job: Job) -> None:
        self._jobs.put(job)

    def end(self) -> None:
        """After the job it has."""
        self._jobs.put(None)

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        tools: Tools | None = None
        while (job := self._jobs.get()) is not None:
            try:
                tools = tools or self._open_tools()
                self._done.put(Done(self, job, result=job.work(tools)))
            except Exception as error:  # noqa: BLE001 - the conductor decides what it means
                self._done.put(Done(self, job, error=error))
        if tools is not None:
            tools.connection.close()
