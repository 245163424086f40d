"""One run of reads against one server, by wrk where it is on the PATH, else by our own loader."""

import hashlib
import http.client
import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.servers.base import Server
from benchmarks.work import Work, run_processes

LOADER_PROCESSES = 2
SAMPLE_PAUSE = 0.05


@dataclass(slots=True)
class Reading:
    """What one run showed, in milliseconds. wrk cuts off up to `unfinished` requests at its end."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: Counter[str] = field(default_factory=Counter)
    sampled: int = 0
    unfinished: int = 0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0


def loader_name() -> str:
    return "wrk" if shutil.which("wrk") else "own loader"


def read(server: Server, targets: str, connections: int, seconds: float, seed: int) -> Reading:
    """Read for `seconds` on `connections` keep-alive connections; all the while the digests of a
    sample are checked.
    """
    sampler = Sampler(server, targets, seed)
    sampler.start()
    try:
        make = _by_wrk if shutil.which("wrk") else _by_loader
        reading = make(server, targets, connections, seconds, seed)
    finally:
        sampler.stop()
    reading.sampled = sampler.requests
    reading.errors += sampler.errors
    return reading


def _by_wrk(server: Server, targets: str, connections: int, seconds: float, seed: int) -> Reading:
    result = server.folder / "wrk.json"
    result.unlink(missing_ok=True)
    walk = {
        "WALK_PATHS": targets,
        "WALK_RESULT": str(result),
        "WALK_SEED": str(seed),
        "WALK_AUTHORIZATION": server.headers.get("Authorization", "Bearer none"),
    }
    subprocess.run(
        [
            *("wrk", "-t2", f"-c{connections}", f"-d{seconds:.0f}s", "--timeout", "60s"),
            *("-s", str(Path(__file__).parent / "walk.lua")),
            f"http://127.0.0.1:{server.port}",
        ],
        env=dict(os.environ) | walk,
        stdout=subprocess.DEVNULL,
        timeout=seconds + 60,
        check=True,
    )
    figures = json.loads(result.read_text())
    errors = Counter(
        {kind: figures[kind] for kind in ("connect", "read", "write", "status", "timeout")}
    )
    shortest = min(int(line.split("\t")[1]) for line in Path(targets).read_text().splitlines())
    if figures["bytes"] < figures["requests"] * shortest:
        errors["wrong length"] += 1
    return Reading(
        requests=figures["requests"],
        seconds=figures["microseconds"] / 1e6,
        p50=figures["p50"] / 1000,
        p99=figures["p99"] / 1000,
        errors=+errors,
        unfinished=connections,
    )


def _by_loader(
    server: Server, targets: str, connections: int, seconds: float, seed: int
) -> Reading:
    work = Work(server.port, connections, server.headers, seconds, targets=targets, seed=seed)
    outcome = run_processes(work, LOADER_PROCESSES)
    return Reading(
        requests=outcome.answers,
        seconds=outcome.seconds,
        p50=outcome.percentile(0.5),
        p99=outcome.percentile(0.99),
        errors=outcome.errors,
    )


class Sampler(threading.Thread):
    """Reads file after file beside the load, some each second, and checks the digest of each."""

    def __init__(self, server: Server, targets: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.lines = Path(targets).read_text().splitlines()
        self.random = random.Random(seed)
        self.requests = 0
        self.errors: Counter[str] = Counter()
        self.over = threading.Event()

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        while not self.over.wait(SAMPLE_PAUSE):
            path, _, digest = self.random.choice(self.lines).split("\t")
            self.requests += 1
            try:
                connection.request("GET", path, headers=self.server.headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.errors[f"sample: {type(error).__name__}"] += 1
                connection.close()
                continue
            if answer.status != 200:
                self.errors[f"sample: status {answer.status}"] += 1
            elif hashlib.sha256(body).hexdigest() != digest:
                self.errors["sample: wrong digest"] += 1
        connection.close()

    def stop(self) -> None:
        """Let the request in flight end."""
        self.over.set()
        self.join(60)


def warm_up(server: Server, targets: str) -> None:
    """Ask for every file once, so that no server is measured on a cold cache."""
    count = len(Path(targets).read_text().splitlines())
    outcome = run_processes(
        Work(server.port, 32, server.headers, count=count, targets=targets, digest_every=1), 1
    )
    if outcome.failed:
        raise RuntimeError(f"{server.name} answers wrongly before any load: {dict(outcome.errors)}")
    time.sleep(0.5)
