"""The PostgreSQL of the benchmark: filled fast and without care, measured with its normal settings.

Kept with `--keep`, it is found again and not filled anew.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.audit import tables
from benchmarks.audit.house import addresses, close_house, open_house
from benchmarks.servers.postgres import OwnPostgres
from contentserver.conf import Config

BYTES_OF_A_RECORD = 1100
"""On disk, with all indexes; a tenth more than measured."""
SPARE = 4 << 30
# What a kill spoils is made again.
FILLING = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "autovacuum": "off",
    "shared_buffers": "1GB",
    "maintenance_work_mem": "512MB",
    "max_parallel_maintenance_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}
# A quarter of the memory of the smallest machine that this is meant for, 16 GB.
MEASURED = {"shared_buffers": "1GB", "effective_cache_size": "8GB", "max_wal_size": "4GB"}


class NoRoom(Exception):
    """The folder's file system has too little room; the text says how much is needed."""


@contextmanager
def filled(
    folder: Path, records: int, tell: Callable[[str], None]
) -> Iterator[tuple[OwnPostgres, Config]]:
    """A PostgreSQL that holds so many records, with Django connected to it. Raises NoRoom."""
    whole = folder / f"whole-{records}"
    if not whole.exists():
        check_room(folder, records)
        shutil.rmtree(folder / "pg", ignore_errors=True)
        postgres = OwnPostgres(folder / "pg", FILLING)
        try:
            config = open_house(folder / "home", postgres.url)
            tables.fill_files(postgres.url, addresses(config))
            for month in tables.fill(postgres.url, records // 2):
                tell(f"{month} is filled")
            tables.finish(postgres.url)
            close_house()
        finally:
            postgres.stop()
        os.sync()  # what was written without care until now
        whole.touch()
    postgres = OwnPostgres(folder / "pg", MEASURED)
    try:
        yield postgres, open_house(folder / "home", postgres.url)
        close_house()
    finally:
        postgres.stop()


def check_room(folder: Path, records: int) -> None:
    """Raises NoRoom."""
    needed = records * BYTES_OF_A_RECORD + SPARE
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NoRoom(
            f"{folder} has {free / 1e9:.0f} GB free, {records:,} records need"
            f" {needed / 1e9:.0f} GB."
            " Give fewer with --records, or another place with --folder."
        )
