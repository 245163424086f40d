"""The measurements: every scenario, its rounds, the servers taking turns."""

import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from benchmarks import bare, bulk, loader, processes, reads
from benchmarks.corpus import Target
from benchmarks.plan import Plan
from benchmarks.results import BARE, CONTENT, Sample, Scenario
from benchmarks.servers.base import Server
from benchmarks.work import Work, run_processes

MEGABYTE = 1e6
UPLOADERS = 1

Tell = Callable[[str], None]


class Measurements:
    """Measures running servers. `targets`: for each server the list of what it holds."""

    def __init__(
        self, plan: Plan, servers: Sequence[Server], targets: dict[str, str], folder: Path
    ) -> None:
        self.plan = plan
        self.servers = servers
        self.targets = targets
        self.folder = folder
        self.runs = 0

    def all(self, tell: Tell) -> list[Scenario]:
        """Every scenario in turn; `tell` hears what is being measured."""
        plan = self.plan
        reading = [self.read(connections, tell) for connections in plan.read_connections]
        uploads = [self.upload(connections, tell) for connections in plan.upload_connections]
        return [*reading, *uploads, self.upload_large(tell), *self.bulk(tell)]

    def read(self, connections: int, tell: Tell) -> Scenario:
        size = self.plan.file_size // 1024
        name = f"Read {self.plan.files:,} files of {size} KB, {connections:,} connections"

        def measure(server: Server, seed: int) -> Sample:
            mark = server.mark()
            processes.reset_peak(server.worker_pids())
            targets, seconds = self.targets[server.name], self.plan.read_seconds
            found = reads.read(server, targets, connections, seconds, seed)
            memory = processes.memory(server.pids())
            requests = found.requests + found.sampled
            errors = found.errors + _audit(server, mark, requests, found.unfinished)
            peak = processes.peak(server.worker_pids())
            return Sample(found.rate, found.p50, found.p99, errors, memory, peak, requests=requests)

        return self._rounds(Scenario(name, "req/s"), self.servers, measure, tell)

    def upload(self, connections: int, tell: Tell) -> Scenario:
        size = self.plan.file_size
        name = f"Upload {size // 1024} KB files, {_connections(connections)}"
        scenario = Scenario(name, "req/s")
        work = {"seconds": self.plan.upload_seconds, "upload_size": size}

        def measure(server: Server, seed: int) -> Sample:
            return self._uploads(server, connections, seed, 1.0, **work)

        self._rounds(scenario, self._uploading(), measure, tell)
        per_commit = self._count_flushes(scenario, connections, tell, **work)
        return self._bare_uploads(scenario, connections, size, per_commit, tell)

    def upload_large(self, tell: Tell) -> Scenario:
        plan = self.plan
        size, connections = plan.large_size, plan.large_connections
        scenario = Scenario(f"Upload {size >> 20} MB files, {_connections(connections)}", "MB/s")
        work = {"count": plan.large_count, "upload_size": size}

        def measure(server: Server, seed: int) -> Sample:
            return self._uploads(server, connections, seed, size / MEGABYTE, **work)

        self._rounds(scenario, self._uploading(), measure, tell)
        per_commit = self._count_flushes(scenario, connections, tell, **work)
        return self._bare_uploads(scenario, connections, size, per_commit, tell)

    def bulk(self, tell: Tell) -> list[Scenario]:
        """One large file up and down, beside a bare loop that does the same work."""
        size = self.plan.bulk_size
        up, down = (Scenario(f"{size >> 20} MB {way}", "MB/s") for way in ("up", "down"))
        with _BareServer(self.folder) as bare_server:
            sides = [s for s in self._uploading() if s.name != "legacy design"]
            for number in range(self.plan.rounds):
                for server in (*sides, bare_server):
                    tell(f"{up.name} and down, {server.name}")
                    self._one_large(server, number, size, up, down)
        return [up, down]

    def _one_large(
        self, server: Server, number: int, size: int, up: Scenario, down: Scenario
    ) -> None:
        path = f"{server.upload_to}/large-{number}.bin"
        for scenario, transfer in ((up, bulk.up), (down, bulk.down)):
            processes.reset_peak(server.worker_pids())
            mark = server.mark()
            with processes.deadline(self.plan.limit, f"{scenario.name} of {server.name}"):
                seconds = transfer(server.port, path, server.headers, size)
            sample = Sample(size / MEGABYTE / seconds, requests=1)
            sample.memory = processes.memory(server.pids())
            sample.peak = processes.peak(server.worker_pids())
            sample.errors = _audit(server, mark, 1, 0)
            scenario.row(server.name).samples.append(sample)

    def _rounds(
        self,
        scenario: Scenario,
        servers: Sequence[Server],
        measure: Callable[[Server, int], Sample],
        tell: Tell,
    ) -> Scenario:
        for _ in range(self.plan.rounds):
            for server in servers:
                self.runs += 1
                tell(f"{scenario.name}, {server.name}")
                with processes.deadline(self.plan.limit, f"{scenario.name} of {server.name}"):
                    sample = measure(server, self.runs)
                scenario.row(server.name).samples.append(sample)
        return scenario

    def _uploading(self) -> list[Server]:
        return [server for server in self.servers if server.upload_to]

    def _upload(self, server: Server, connections: int, seed: int, **work: float) -> loader.Outcome:
        to_do = Work(
            *(server.port, connections, server.headers),
            upload_to=f"{server.upload_to}/run-{seed}",
            seed=seed,
            **work,  # type: ignore[arg-type]
        )
        return run_processes(to_do, UPLOADERS)

    def _uploads(
        self, server: Server, connections: int, seed: int, weight: float, **work: float
    ) -> Sample:
        mark = server.mark()
        processes.reset_peak(server.worker_pids())
        outcome = self._upload(server, connections, seed, **work)
        return Sample(
            outcome.rate * weight,
            outcome.percentile(0.5),
            outcome.percentile(0.99),
            outcome.errors + _audit(server, mark, outcome.requests, 0),
            processes.memory(server.pids()),
            processes.peak(server.worker_pids()),
            requests=outcome.requests,
        )

    def _count_flushes(
        self, scenario: Scenario, connections: int, tell: Tell, **work: float
    ) -> float:
        """Flushes of one commit, counted in a run apart for each server; ours is returned."""
        for server in self._uploading():
            tell(f"{scenario.name}, {server.name}, flushes")
            self.runs += 1

            def load(server: Server = server, seed: int = self.runs) -> int:
                return self._upload(server, connections, seed, **work).answers

            with processes.deadline(self.plan.limit, f"flushes of {server.name}"):
                per_commit = server.count_flushes(load)
            for timed in scenario.row(server.name).samples:
                timed.flushes = per_commit
        return scenario.row(CONTENT).median("flushes") or 0.0

    def _bare_uploads(
        self, scenario: Scenario, connections: int, size: int, per_commit: float, tell: Tell
    ) -> Scenario:
        weight = size / MEGABYTE if scenario.unit == "MB/s" else 1.0
        for _ in range(self.plan.rounds):
            tell(f"{scenario.name}, {BARE}")
            folder = self.folder / "bare"
            seconds = self.plan.upload_seconds
            rate = bare.store_with_flushes(folder, size, per_commit, connections, seconds)
            shutil.rmtree(folder)
            scenario.row(BARE).samples.append(Sample(rate * weight, flushes=per_commit))
        return scenario


class _BareServer(Server):
    """benchmarks.bare as a process, with the face of a server."""

    name = BARE
    upload_to = "/"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        self.port = processes.free_port()
        log = self.folder / "bare.log"
        command = [sys.executable, "-m", "benchmarks.bare", str(self.port), str(self.folder)]
        self.process = processes.start(command, log)
        processes.wait_for_port(self.port, self.process, log)

    def stop(self) -> None:
        processes.stop(self.process)
        (self.folder / "bare.bin").unlink(missing_ok=True)

    def fill(self, _count: int, _size: int) -> list[Target]:
        return []

    def pids(self) -> Sequence[int]:
        return [self.process.pid]


def _connections(number: int) -> str:
    return "1 connection" if number == 1 else f"{number:,} connections"


def _audit(server: Server, mark: object, requests: int, unfinished: int) -> Counter[str]:
    different = server.compare_records(mark, requests, unfinished)
    return Counter({f"audit differs: {different}": 1} if different else {})
