"""Forty million audit records: `make audit-scale`.

Makes a year of them in a PostgreSQL of its own (about 40 GB below --folder, removed afterwards) and
asks for first pages of the audit, through the views of admin and API, by each filter: frequent
values, rare ones and such that are not there. Ends with status 1 where 95 of 100 pages take longer
than they may.

    python -m benchmarks.audit.scale --records 4000000 --folder /srv/scratch
    python -m benchmarks.audit.scale --folder /srv/scratch --keep       and again, without filling
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks.audit.database import NoRoom, filled
from benchmarks.audit.draw import Values
from contentserver.conf import Config

if TYPE_CHECKING:
    from benchmarks.audit.measure import Filter

RECORDS = 40_000_000


def main() -> int:
    """Fill, measure and print; 1 if anything is missed, 2 if there is no room."""
    chosen = _arguments()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    folder = chosen.folder.resolve() / "audit-scale"
    folder.mkdir(exist_ok=True)
    console = Console(width=None if sys.stdout.isatty() else 140, stderr=chosen.json)
    began = time.monotonic()

    def tell(text: str) -> None:
        console.print(f"{time.monotonic() - began:6.0f} s  {text}", highlight=False)

    try:
        with filled(folder, chosen.records, tell) as (postgres, config):
            found = []
            for one in _measure(config, postgres.url, chosen.times):
                tell(f"{one.name}: 95 of 100 within {one.quantile(0.95) * 1000:.0f} ms")
                found.append(one)
    except NoRoom as error:
        console.print(f"NO ROOM: {error}", markup=False)
        return 2
    finally:
        if not chosen.keep:
            shutil.rmtree(folder, ignore_errors=True)
    console.print(_table(found, chosen.records))
    for one in found:
        if not one.reached:
            console.print(f"MISSED: {one.name}; slowest: {one.slowest}", markup=False)
    if chosen.json:
        print(json.dumps([_facts(one) for one in found], indent=1))
    return 0 if all(one.reached for one in found) else 1


def _measure(config: Config, url: str, times: int) -> Iterator["Filter"]:
    from benchmarks.audit.callers import Callers  # noqa: PLC0415 - it imports models: after Django
    from benchmarks.audit.measure import Measure  # noqa: PLC0415 - likewise

    return Measure(Callers(config), Values(url), times).all()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.audit.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--records", type=int, default=RECORDS, help="rows of the audit")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--times", type=int, default=42, help="pages by each filter")
    parser.add_argument("--keep", action="store_true", help="leave the records for another run")
    parser.add_argument("--json", action="store_true", help="figures on standard output, as JSON")
    return parser.parse_args()


def _table(found: list["Filter"], records: int) -> Table:
    table = Table(title=f"First pages among {records:,} records, ms", title_justify="left")
    for heading in ("filter", "pages", "p50", "p95", "max", "ended early", "goal"):
        table.add_column(heading, justify="left" if heading == "filter" else "right")
    for one in found:
        verdict = "reached" if one.reached else "MISSED"
        figures = [f"{one.quantile(share) * 1000:.0f}" for share in (0.5, 0.95, 1)]
        goal = f"{verdict} ({one.goal * 1000:.0f})"
        table.add_row(one.name, str(len(one.seconds)), *figures, str(one.early or ""), goal)
    return table


def _facts(one: "Filter") -> dict[str, object]:
    figures = {f"p{int(share * 100)}": one.quantile(share) for share in (0.5, 0.95, 1)}
    return {"filter": one.name, **figures, "early": one.early, "slowest": one.slowest}


if __name__ == "__main__":
    sys.exit(main())
