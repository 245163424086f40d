"""What one process of the loader has to do, as JSON between the benchmark and its loaders."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from benchmarks import loader
from benchmarks.corpus import MIB

BLOCK = MIB


@dataclass(frozen=True, slots=True)
class Work:
    """Reads walk `targets` (lines of path, length, digest) in an order of their own; uploads write
    new names below `upload_to`, each body distinct.

    `digest_every`: of so many answers one has its digest checked. `pace`: as `loader.Load`.
    """

    port: int
    connections: int
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    count: int | None = None
    targets: str = ""
    upload_to: str = ""
    upload_size: int = 0
    method: str = "PUT"
    seed: int = 0
    digest_every: int = 100
    grace: float = 60.0
    pace: float | None = None

    @classmethod
    def from_json(cls, text: str) -> "Work":
        return cls(**json.loads(text))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def load(self) -> loader.Load:
        """The requests of this work."""
        make = self._uploads() if self.upload_to else self._reads()
        return loader.Load(
            *("127.0.0.1", self.port, make, self.connections),
            *(self.seconds, self.count, self.grace, self.pace),
        )

    def _reads(self) -> "Maker":
        requests, checked = [], []
        for line in Path(self.targets).read_text().splitlines():
            path, length, digest = line.split("\t")
            head = loader.head("GET", path, self.headers)
            requests.append(loader.Request(head, length=int(length)))
            checked.append(loader.Request(head, length=int(length), sha256=digest))
        order = list(range(len(requests)))
        random.Random(self.seed).shuffle(order)

        def make(i: int) -> loader.Request:
            chosen = order[i % len(order)]
            return (requests if i % self.digest_every else checked)[chosen]

        return make

    def _uploads(self) -> "Maker":
        block = memoryview(os.urandom(BLOCK))
        size = self.upload_size

        def make(i: int) -> loader.Request:
            name = f"{self.upload_to}/{self.seed:04x}/{i % 256:02x}/{i:08d}.bin"
            first = name.encode().ljust(64)[:size]
            whole, rest = divmod(size - len(first), BLOCK)
            body = (first, *(block for _ in range(whole)), block[:rest])
            head = loader.head(self.method, name, self.headers, size)
            return loader.Request(head, body, expect=frozenset({200, 201, 204}))

        return make


Maker = loader.Callable[[int], loader.Request]


def run_processes(work: Work, processes: int) -> loader.Outcome:
    """Share the work among processes of the own loader and add up what they counted."""
    with tempfile.TemporaryDirectory() as folder:
        running = [
            _start(share, Path(folder) / f"{share.seed}.json") for share in _shares(work, processes)
        ]
        try:
            return _collect(running)
        finally:
            for process, _ in running:
                process.kill()


def _collect(running: list[tuple[subprocess.Popen[str], Path]]) -> loader.Outcome:
    outcome = loader.Outcome()
    for process, result in running:
        if process.wait() != 0:
            raise RuntimeError("a process of the load generator failed; its message is above")
        outcome.add(loader.from_json(result.read_text()))
    return outcome


def _shares(work: Work, processes: int) -> Iterator[Work]:
    for number in range(min(processes, work.connections)):
        yield replace(
            work,
            connections=_share(work.connections, processes, number),
            count=None if work.count is None else _share(work.count, processes, number),
            pace=None if work.pace is None else work.pace / min(processes, work.connections),
            seed=work.seed + number,
        )


def _share(whole: int, parts: int, number: int) -> int:
    return whole // parts + (number < whole % parts)


def _start(work: Work, result: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.loader", str(result)], stdin=subprocess.PIPE, text=True
    )
    assert process.stdin
    process.stdin.write(work.to_json())
    process.stdin.close()
    return process, result
