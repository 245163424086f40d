"""The whole comparison, from an empty home to a verdict."""

import asyncio
from dataclasses import dataclass, field

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.production import Production
from tests.acceptance import compare
from tests.acceptance.exchange import Exchange
from tests.acceptance.library import Library

SHOWN = 20


@dataclass(slots=True)
class Verdict:
    """What was counted, in the order it is printed; `differences` empty means all is equal."""

    counts: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def print(self, console: Console) -> None:
        table = Table(show_header=False)
        for name, count in self.counts.items():
            table.add_row(name, f"{count:,}")
        console.print(table)
        for difference in self.differences[:SHOWN]:
            console.print(difference, markup=False, highlight=False)
        hidden = len(self.differences) - SHOWN
        if hidden > 0:
            console.print(f"and {hidden:,} more")
        console.print("all equal" if not self.differences else "NOT EQUAL")


def accept(production: Production, library: Library, console: Console) -> Verdict:
    """Store and read back the library, then compare catalog, disk and audit with it.

    `production` runs and is empty.
    """
    exchange = Exchange(production.url, production.collection, production.headers)
    through_http(exchange, library, console)
    records = production.wait_for_records(exchange.requests)
    wait_for_catalog(production, len(exchange.stored))
    counts = _counts(library, exchange)
    counts |= {"records req": records.req, "records done": records.done}
    counts |= {"versions in the catalog": _catalogued(production)}
    return Verdict(counts, [*exchange.wrong, *find_differences(production, library, exchange)])


def through_http(exchange: Exchange, library: Library, console: Console) -> None:
    """Store every file, then read every file."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        for what, act in (("store", exchange.store), ("read back", exchange.read)):
            task = progress.add_task(what, total=len(library.sources))
            asyncio.run(act(library.sources, lambda task=task: progress.advance(task)))


def _counts(library: Library, exchange: Exchange) -> dict[str, int]:
    stored = exchange.stored.values()
    return {
        "files": len(library.sources),
        "of these through links": library.through_links,
        "left out": len(library.skipped),
        "stored": len(stored),
        "bytes": sum(one.size for one in stored),
        "empty files": sum(one.size == 0 for one in stored),
        "largest file": max((one.size for one in stored), default=0),
        "read back equal": exchange.read_back,
        "changed on disk meanwhile": exchange.changed,
        "requests": exchange.requests,
    }


def find_differences(production: Production, library: Library, exchange: Exchange) -> list[str]:
    """Whatever differs between what was sent and catalog, disk, audit."""
    url, collection, stored = production.postgres.url, production.collection, exchange.stored
    puts = len(library.sources)
    size = sum(one.size for one in stored.values())
    addresses: dict[str, str] = {}
    found = [
        *compare.iter_catalog_differences(url, collection, stored, addresses),
        *compare.iter_disk_differences(production.home / "root-1", stored, addresses),
        *compare.iter_audit_differences(url, collection, puts, exchange.requests - puts, size),
    ]
    try:
        production.manage("rebuild_catalog", "--check")
    except RuntimeError as error:
        found.append(str(error))
    return found


def wait_for_catalog(production: Production, versions: int) -> None:
    """The bridge brings them from the outbox; wait for the last one."""

    production.wait(lambda: _catalogued(production) >= versions, 300, "all in the catalog")


def _catalogued(production: Production) -> int:
    with psycopg.connect(production.postgres.url) as connection:
        row = connection.execute("SELECT count(*) FROM contentserver_storedversion").fetchone()
        return row[0] if row else 0


def describe_skipped(library: Library, console: Console) -> None:
    """Every file that was left out, with the reason."""
    for name, reason in library.skipped.items():
        console.print(f"left out: {name}: {reason}", markup=False, highlight=False)
