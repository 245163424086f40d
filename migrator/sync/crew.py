"""Import processes of a sync, started by the first batch that is worth one.

In one process the threads of a sync wait for each other's turn in the interpreter at every call of
the kernel. Batches of few records are brought where they are: for them no process is started.
"""

import contextlib
import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from pathlib import Path

from django.utils.translation import gettext as _

from contentserver.conf import Config
from migrator.legacy.description import Description, RecordId
from migrator.outcomes import Outcome
from migrator.sync.letters import Answer, Batch, Order, receive, send

MANY = 16
"""Records of a batch that a process takes."""
_CODE = Path(__file__).resolve().parent.parent.parent
_ENDING = 120.0
"""Seconds for the batches at hand; a statement of the legacy database may take so long."""


class ProcessEnded(Exception):
    """An import process has ended that nobody had asked to."""

    def __init__(self, status: int | None) -> None:
        text = _(
            "An import process ended with status %(status)s; its last words are in the log. What "
            "it had in hand is brought again by the next slice. Where memory ran out, lower the "
            "source's connections."
        )
        super().__init__(text % {"status": status})


class Line:
    """Leads one hand, which alone may use it, to a process that it shares with others."""

    def __init__(self, member: "_Member") -> None:
        self._member = member
        ours, self.theirs = socket.socketpair()
        self.connection = Connection(ours.detach())

    def bring(self, ids: list[RecordId], *, only_missing: bool) -> list[Outcome]:
        """As `Importer.bring`, and raises what that raises; ProcessEnded."""
        self._member.ensure_started()
        try:
            send(self.connection, Batch(ids, only_missing))
            answer: Answer = receive(self.connection)
        except (EOFError, OSError):
            raise ProcessEnded(self._member.wait()) from None
        if answer.error is not None:
            raise answer.error
        return answer.outcomes


class Crew:
    """Up to `processes` processes for `hands` hands. `close` ends them."""

    def __init__(
        self, config: Config, description: Description, erasure: str, *, hands: int, processes: int
    ) -> None:
        order = Order(config, description, erasure)
        self._members = [_Member(order) for _ in range(min(hands, processes))]
        self._lines = [
            self._members[number % len(self._members)].add_line()
            for number in range(hands if self._members else 0)
        ]

    def line(self) -> Line | None:
        """For the next hand; None where no process is wanted."""
        return self._lines.pop(0) if self._lines else None

    def close(self) -> None:
        """Let the processes end; each does so after the batches it has."""
        for member in self._members:
            member.end()
        for member in self._members:
            member.wait()


class _Member:
    """One process; not there before it is needed."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._lines: list[Line] = []
        self._starting = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def add_line(self) -> Line:
        self._lines.append(Line(self))
        return self._lines[-1]

    def ensure_started(self) -> None:
        with self._starting:
            if self._process is None:
                self._start()

    def _start(self) -> None:
        ends = [line.theirs for line in self._lines]
        fds = [end.fileno() for end in ends]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "migrator.sync.process", *map(str, fds)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=fds,
            cwd=_CODE,
        )
        for end in ends:
            end.close()
        send(self._lines[0].connection, self._order)

    def end(self) -> None:
        for line in self._lines:
            with contextlib.suppress(OSError):
                line.connection.close()
                line.theirs.close()

    def wait(self) -> int | None:
        """Its status; None where it was never started. Kills it where it does not end."""
        if self._process is None:
            return None
        try:
            return self._process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
