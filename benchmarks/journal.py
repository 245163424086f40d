"""How many audit records a second this disk makes durable: `python -m benchmarks.journal [folder]`.

Each user does what a request does: append `req`, wait until it is on the disk, append `done`.
"""

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop

from skold.journal import Journal, Scalar

REQ: dict[str, Scalar] = {
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "method": "GET",
    "action": "read",
    "decision": "allow",
    "reason": "granted",
    "rule": "grant:12",
    "client": "campus",
    "credential": "abcdefABCDEF",
    "end_user_known": "asserted",
    "collection": "photos",
    "version": "2026.1",
    "address": "00112233445566778899aabbccddeeff",
    "plane": "data",
}
PRIVATE: dict[str, str | None] = {
    "key": "students/2026/12345.jpg",
    "end_user": "anna.andersson@example.org",
    "network": "10.1.2.3",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
    "filename": None,
}
DONE: dict[str, Scalar] = {
    "status": 200,
    "bytes": 65536,
    "microseconds": 812,
    "version": "2026.1",
    "outcome": "sent",
}
SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Row:
    """What one number of users got. Times in microseconds."""

    users: int
    records: float
    flushes: float
    per_record: float
    p50: float
    p99: float


async def _user(journal: Journal, until: float, waits: list[float]) -> None:
    while (began := time.perf_counter()) < until:
        asked = journal.append("req", REQ, PRIVATE)
        await journal.durable(asked)
        waits.append(time.perf_counter() - began)
        journal.append("done", DONE, ref=asked)


async def _crowd(journal: Journal, users: int) -> Row:
    records, flushes, cpu = journal.records, journal.flushes, time.process_time()
    began = time.perf_counter()
    waits: list[float] = []
    await asyncio.gather(*[_user(journal, began + SECONDS, waits) for _ in range(users)])
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    waits.sort()
    made = journal.records - records
    return Row(
        users,
        made / seconds,
        (journal.flushes - flushes) / seconds,
        cpu / made * 1e6,
        waits[len(waits) // 2] * 1e6,
        waits[len(waits) * 99 // 100] * 1e6,
    )


def raw_flushes(folder: Path, rounds: int = 300) -> float:
    """Flushes a second of a bare pwrite of 1 KB and fdatasync: what the disk can do at all."""
    path = folder / "raw"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.posix_fallocate(fd, 0, 1 << 20)
        os.fsync(fd)
        began = time.perf_counter()
        for i in range(rounds):
            os.pwrite(fd, b"x" * 1024, i * 1024)
            os.fdatasync(fd)
        return rounds / (time.perf_counter() - began)
    finally:
        os.close(fd)
        path.unlink()


def append_cost(journal: Journal, rounds: int = 5000) -> float:
    """Microseconds of one append, the disk left aside."""

    async def appending() -> float:
        best = float("inf")
        for _ in range(5):
            began = time.perf_counter()
            for _ in range(rounds):
                ticket = journal.append("req", REQ, PRIVATE)
            best = min(best, (time.perf_counter() - began) / rounds)
            await journal.durable(ticket)
        return best * 1e6

    return uvloop.run(appending())


def main(folder: Path) -> None:
    """Prints the table."""
    print(f"bare pwrite + fdatasync: {raw_flushes(folder):,.0f} flushes/s")
    journal = Journal([folder / "journal"], "bench")
    journal.start()
    if not journal.healthy:
        raise SystemExit(f"no journal in {folder}: {journal.reason}")
    print(f"append: {append_cost(journal):.1f} us")
    print("users  records/s  flushes/s  CPU us/record  p50 us  p99 us")
    for users in (1, 8, 64, 1000):
        row = uvloop.run(_crowd(journal, users))
        print(
            f"{row.users:5}  {row.records:9,.0f}  {row.flushes:9,.0f}  {row.per_record:13.1f}"
            f"  {row.p50:6,.0f}  {row.p99:6,.0f}"
        )
    journal.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else ".") as place:
        main(Path(place))
