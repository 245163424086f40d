"""`python -m benchmarks`: this server, nginx and the legacy design side by side, and the migration,
in one run.
"""

import argparse
import contextlib
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import processes, reads, report
from benchmarks.durable.measure import AuditMeasurements
from benchmarks.durable.measure import goals as audit_goals
from benchmarks.goals import goals
from benchmarks.machine import describe
from benchmarks.measure import Measurements, Tell
from benchmarks.migration.measure import MigrationMeasurements
from benchmarks.migration.measure import goals as migration_goals
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.results import Goal, Row, Scenario, as_json
from benchmarks.servers.base import Server, Unavailable
from benchmarks.servers.content import ContentServer
from benchmarks.servers.legacy import Legacy
from benchmarks.servers.nginx import Nginx

Part = tuple[dict[str, str], list[Scenario], list[Goal]]
"""What was measured on, the scenarios, the goals."""
HERE = Path(__file__).resolve().parent
EXAMPLES = """examples:
  make bench                                  everything, three rounds (about 12 minutes)
  python -m benchmarks --only migration       the sync of a legacy database alone
  python -m benchmarks --only audit           durable records, ledger and copy alone
  python -m benchmarks --quick                a short look (about 3 minutes); results.* stay
  python -m benchmarks --folder /mnt/archive  on the disk that matters
"""


def main() -> int:
    """Measure and print; 1 if this server answered anything wrongly."""
    chosen = _arguments()
    plan = QUICK if chosen.quick else FULL
    chosen.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=chosen.folder.resolve()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        # Not a terminal: nobody knows how wide it is, and the tables need room.
        width = None if sys.stdout.isatty() else 150
        return _run(plan, folder, Console(width=width), chosen)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        choices=("servers", "migration", "audit"),
        help="one part of it: the servers side by side, the migration, or the durable audit; "
        "results.* stay",
    )
    parser.add_argument("--quick", action="store_true", help="small and once; writes no results")
    parser.add_argument(
        "--erasure",
        choices=("none", "key"),
        default="key",
        help="whether our files are erasable, each by a key of its own (default: key)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=HERE.parent / "var" / "bench",
        help="where files and databases go for the time of the run (default: var/bench)",
    )
    return parser.parse_args()


def _run(plan: Plan, folder: Path, console: Console, chosen: argparse.Namespace) -> int:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(Progress(*columns, console=console))
        task = progress.add_task("starting the servers")

        def tell(what: str) -> None:
            progress.update(task, description=what)

        parts = [_audit, _migration, _servers] if chosen.only is None else [_PARTS[chosen.only]]
        machine: dict[str, str] = {"collection": f"erasable: {chosen.erasure}"}
        scenarios: list[Scenario] = []
        found: list[Goal] = []
        for part in parts:
            with contextlib.ExitStack() as opened:
                facts, measured, reached = part(plan, folder, chosen.erasure, opened, tell)
            machine |= facts
            scenarios, found = [*measured, *scenarios], [*reached, *found]
    keep = not (chosen.quick or chosen.only)
    return _publish(console, machine, scenarios, found, keep=keep)


def _servers(
    plan: Plan, folder: Path, erasure: str, stack: contextlib.ExitStack, tell: Tell
) -> Part:
    """This server, nginx and the legacy design side by side."""
    servers, missing = _bring_up(stack, folder, erasure, tell)
    machine = describe(folder, next(s.house.postgres.url for s in servers if is_ours(s)))
    targets = _fill(plan, servers, tell)
    for server in servers:
        if isinstance(server, Legacy):
            machine["legacy threads"] = _raise_threads(plan, server, targets, tell)
    scenarios = Measurements(plan, servers, targets, folder).all(tell)
    for scenario in scenarios:
        scenario.rows |= {name: Row(name, note=why) for name, why in missing.items()}
    return machine, scenarios, goals(scenarios)


def _migration(
    plan: Plan, folder: Path, erasure: str, stack: contextlib.ExitStack, tell: Tell
) -> Part:
    """A sync against what reading alone can do, and what it does to those who read."""
    tell("starting the server and a legacy database")
    measuring = MigrationMeasurements(plan, folder / "migration", erasure)
    stack.callback(measuring.close)
    scenarios = measuring.all(tell)
    machine = describe(folder, measuring.postgres_url) | measuring.facts()
    return machine, scenarios, migration_goals(scenarios)


def _audit(
    plan: Plan, folder: Path, _erasure: str, stack: contextlib.ExitStack, tell: Tell
) -> Part:
    """Records made durable, numbered and copied."""
    measuring = AuditMeasurements(plan, folder / "audit")
    stack.callback(measuring.close)
    scenarios = measuring.all(tell)
    return measuring.facts(), scenarios, audit_goals(scenarios, measuring.behind)


_PARTS = {"servers": _servers, "migration": _migration, "audit": _audit}


def _publish(
    console: Console,
    machine: dict[str, str],
    scenarios: list[Scenario],
    found: list[Goal],
    *,
    keep: bool,
) -> int:
    report.print_all(console, machine, scenarios, found)
    if keep:
        text = json.dumps(as_json(machine, scenarios, found), indent=1)
        (HERE / "results.json").write_text(text + "\n")
        (HERE / "results.md").write_text(report.markdown(machine, scenarios, found))
    ours = (row for scenario in scenarios for row in scenario.rows.values() if row.is_ours)
    return 1 if any(row.errors for row in ours) else 0


def is_ours(server: Server) -> bool:
    return isinstance(server, ContentServer)


def _bring_up(
    stack: contextlib.ExitStack, folder: Path, erasure: str, tell: Tell
) -> tuple[list[Server], dict[str, str]]:
    """The servers of this machine, running; and those it has not, with the reason."""
    running: list[Server] = []
    missing = {}
    kinds: tuple[Callable[[], Server], ...] = (
        lambda: Nginx(folder / "nginx"),
        lambda: Legacy(folder / "legacy"),
        lambda: ContentServer(folder / "content", erasure),
    )
    for make in kinds:
        server = make()
        tell(f"starting {server.name}")
        stack.callback(server.close)
        try:
            server.start()
        except Unavailable as reason:
            missing[server.name] = str(reason)
            continue
        stack.callback(_stop, server)
        running.append(server)
    return running, missing


def _stop(server: Server) -> None:
    with contextlib.suppress(processes.DidNotStart):
        server.stop()


def _fill(plan: Plan, servers: list[Server], tell: Tell) -> dict[str, str]:
    targets = {}
    for server in servers:
        tell(f"storing {plan.files:,} files in {server.name}")
        mark = server.mark()
        targets[server.name] = server.targets(server.fill(plan.files, plan.file_size))
        server.compare_records(mark, plan.files, 0)
        tell(f"reading each file once from {server.name}")
        reads.warm_up(server, targets[server.name])
    return targets


def _raise_threads(plan: Plan, server: Legacy, targets: dict[str, str], tell: Tell) -> str:
    """Give the legacy design more threads until it gains nothing, and keep the best number."""
    rates: dict[int, float] = {}
    for threads in plan.legacy_threads:
        tell(f"legacy design with 2 x {threads} threads")
        _restart_with(server, threads)
        connections = max(plan.read_connections)
        path, seconds = targets[server.name], plan.calibration_seconds
        rates[threads] = reads.read(server, path, connections, seconds, threads).rate
    best = max(rates, key=lambda threads: rates[threads])
    _restart_with(server, best)
    tried = ", ".join(f"2 x {threads}: {rate:.0f}/s" for threads, rate in rates.items())
    return f"2 x {best} (tried {tried})"


def _restart_with(server: Legacy, threads: int) -> None:
    server.stop()
    server.threads = threads
    server.start()


if __name__ == "__main__":
    sys.exit(main())
