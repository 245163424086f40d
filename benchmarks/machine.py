"""What the figures were measured on."""

import os
import platform
import shutil
import statistics
import subprocess
import time
from pathlib import Path

import psutil
import psycopg

from benchmarks.reads import loader_name

REPOSITORY = Path(__file__).resolve().parent.parent


def describe(folder: Path, postgres_url: str) -> dict[str, str]:
    """Processor, memory, kernel, disk and versions, as text by name."""
    flush = flush_microseconds(folder)
    with psycopg.connect(postgres_url) as connection:
        row = connection.execute("SHOW server_version").fetchone() or ("?",)
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "disk": f"{_file_system(folder)}, flush of 4 KB {flush[0]:.0f} µs (p99 {flush[1]:.0f} µs)",
        "Python": platform.python_version(),
        "PostgreSQL": str(row[0]).split(" ", maxsplit=1)[0],
        "nginx": _nginx(),
        "load": f"{loader_name()} for reads, own loader for uploads, on the same cores",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "commit": _output("git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD") or "none",
    }


def flush_microseconds(folder: Path, times: int = 200) -> tuple[float, float]:
    """Median and 99th percentile of write(4 KB) and fdatasync within a file of `folder`."""
    path = folder / "flush-probe"
    taken = []
    with path.open("wb", buffering=0) as file:
        file.write(bytes(65536))
        os.fsync(file.fileno())
        for number in range(times):
            os.pwrite(file.fileno(), os.urandom(4096), 4096 * (number % 16))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e6)
    path.unlink()
    return statistics.median(taken), sorted(taken)[int(times * 0.99)]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    parts = [p for p in psutil.disk_partitions(all=True) if folder.is_relative_to(p.mountpoint)]
    return max(parts, key=lambda part: len(part.mountpoint)).fstype if parts else "unknown"


def _nginx() -> str:
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if binary is None:
        return "not on the PATH"
    shown = subprocess.run([binary, "-v"], capture_output=True, text=True, check=False).stderr
    return shown.strip().rpartition("/")[2]


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip()
