"""Prometheus metrics of the data plane, summed over its processes. Names end in their unit, as
Prometheus advises.

The library's multi-process mode keeps one file a worker slot and kind of metric; a restarted worker
takes its slot's
file up again, so counters never fall back.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from contentserver.delivery.sources import Source
from skold.guessing import KINDS

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
CLIENTS = 100  # with a label of their own: each label of each worker is kept for good
Gauge = tuple[str, str, tuple[str, ...], Iterable[tuple[tuple[str, ...], float]]]


class Metrics:
    """Counters of one worker process, and the sum over all of them on demand."""

    def __init__(self, folder: Path, slot: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        values.ValueClass = values.MultiProcessValue(lambda: f"slot{slot}")  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        self._folder = folder
        self._requests = Counter(
            "contentserver_requests_total",
            "Requests answered.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "contentserver_request_duration_seconds",
            "From the head of a request to the last byte handed to the kernel.",
            ["route", "method"],
            buckets=BUCKETS,
            registry=registry,
        )
        self._bytes = Counter(
            "contentserver_sent_bytes_total", "Bytes of bodies sent.", ["route"], registry=registry
        )
        self._answers = Counter(
            "contentserver_source_answers_total",
            "Reads of files of a source, by who answered.",
            ["source", "mode", "outcome"],
            registry=registry,
        )
        self._comparisons = Counter(
            "contentserver_shadow_comparisons_total",
            "Reads compared with the disk in mode shadow.",
            ["source", "outcome"],
            registry=registry,
        )
        self._refusals = Counter(
            "contentserver_refused_credentials_total",
            "Requests without a credential that holds, by what was wrong.",
            ["reason"],
            registry=registry,
        )
        self._limited = Counter(
            "contentserver_limited_requests_total",
            "Requests of clients answered 429, by client and limit.",
            ["client", "reason"],
            registry=registry,
        )
        self._guessers = Counter(
            "contentserver_guessing_alarms_total",
            "Networks and credentials that were found to be guessing or guessed.",
            ["by"],
            registry=registry,
        )
        self._checks = Counter(
            "contentserver_commit_checks_total",
            "Commit checks made, by what each one said.",
            ["check", "outcome"],
            registry=registry,
        )
        self._expired = Counter(
            "contentserver_expired_uploads_total",
            "Uploads and receipts removed after their time.",
            registry=registry,
        )
        for kind in KINDS:
            # From the start, so that the first alarm is an increase.
            self._guessers.labels(kind).inc(0)
        self._named: set[str] = set()
        self._noted: dict[tuple[str, str, int], _Noted] = {}
        self._answered: dict[tuple[str, str, str], int] = {}

    def count_answer(self, source: Source, outcome: str) -> None:
        """Note one read of a file of a source; it is counted at the next `publish`."""
        place = (source.name, source.mode, outcome)
        self._answered[place] = self._answered.get(place, 0) + 1

    def count_comparison(self, source: str, outcome: str) -> None:
        """Count one comparison in shadow."""
        self._comparisons.labels(source, outcome).inc()

    def count_refusal(self, reason: str) -> None:
        """Count a request whose credential does not hold."""
        self._refusals.labels(reason).inc()

    def count_limited(self, client: str, reason: str) -> None:
        """Count a 429. The first CLIENTS clients have a label of their own, all others one."""
        if client not in self._named and len(self._named) >= CLIENTS:
            client = "other"
        self._named.add(client)
        self._limited.labels(client, reason).inc()

    def count_guesser(self, kind: str) -> None:
        """Count a network, or a credential, that went beyond the threshold."""
        self._guessers.labels(kind).inc()

    def count_check(self, name: str, outcome: str) -> None:
        """Count what a commit check said of one file. From any thread."""
        self._checks.labels(name, outcome).inc()

    def count_expired(self, number: int) -> None:
        """Count uploads and receipts that were removed. From any thread."""
        self._expired.inc(number)

    def observe(self, route: str, method: str, status: int, seconds: float, sent: int) -> None:
        """Note one answered request; it is counted at the next `publish`."""
        noted = self._noted.get((route, method, status))
        if noted is None:
            noted = self._noted[route, method, status] = _Noted([], 0)
        noted.seconds.append(seconds)
        noted.sent += sent

    def publish(self) -> None:
        """Count what was noted. Apart from `observe`, because the library's memory-mapped values
        cost more than all the rest that a request pays for being counted.
        """
        taken, self._noted = self._noted, {}
        answered, self._answered = self._answered, {}
        for place, count in answered.items():
            self._answers.labels(*place).inc(count)
        for (route, method, status), noted in taken.items():
            self._requests.labels(route, method, str(status)).inc(len(noted.seconds))
            self._bytes.labels(route).inc(noted.sent)
            duration = self._seconds.labels(route, method)
            for seconds in noted.seconds:
                duration.observe(seconds)

    async def publish_each_second(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                await asyncio.sleep(1)
                self.publish()
        finally:
            self.publish()

    def render(self, gauges: Callable[[], Iterable[Gauge]]) -> bytes:
        """The text exposition format, counters of every worker summed, gauges read now."""
        self.publish()
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(self._folder))  # type: ignore[no-untyped-call]
        registry.register(_Gauges(gauges))
        return generate_latest(registry)


@dataclass(slots=True)
class _Noted:
    seconds: list[float]
    sent: int


class _Gauges(Collector):
    def __init__(self, gauges: Callable[[], Iterable[Gauge]]) -> None:
        self._gauges = gauges

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for name, text, labels, samples in self._gauges():
            family = GaugeMetricFamily(name, text, labels=labels)
            for label_values, value in samples:
                family.add_metric(label_values, value)
            yield family
