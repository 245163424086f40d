"""Servers as processes: started, measured, and ended by their own number, whatever happens."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

STOP_SECONDS = 15.0


class DidNotStart(Exception):
    """A server did not listen in time, or ended; the message says where its log lies."""


def start(
    arguments: Sequence[str], log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server whose output goes to `log`; it is told to end when this process ends, however
    it ends.
    """
    # setpriv, not preexec_fn: that one is unsafe beside threads.
    tied = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    with log.open("ab") as output:
        return subprocess.Popen(
            [*tied, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(os.environ) | dict(env or {}),
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], ask: signal.Signals = signal.SIGTERM) -> None:
    """Ask the server to end; after 15 s end it and its children by their numbers."""
    family = tree(process.pid)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(ask)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(family, timeout=3)
    for child in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def tree(pid: int) -> list[psutil.Process]:
    """The process and all that descend from it; empty when it has ended."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(
    port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 60.0
) -> None:
    """Return when someone listens on `port`. Raises DidNotStart."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise DidNotStart(f"ended with status {process.returncode}; see {log}:\n{tail(log)}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise DidNotStart(
        f"nobody listens on port {port} after {seconds:.0f} s; see {log}:\n{tail(log)}"
    )


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def memory(pids: Sequence[int]) -> int:
    """Bytes of memory of the processes and their descendants: the sum of their proportional shares
    (PSS), so that what they share counts once.
    """
    return sum(_pss(process.pid) for pid in pids for process in tree(pid))


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def reset_peak(pids: Sequence[int]) -> None:
    """Let the kernel forget the highest resident size of the processes and their descendants."""
    for pid in pids:
        for process in tree(pid):
            with contextlib.suppress(OSError):
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def peak(pids: Sequence[int]) -> int:
    """Bytes: the highest resident size that one of the processes and their descendants had."""
    return max((_hwm(process.pid) for pid in pids for process in tree(pid)), default=0)


def _hwm(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


@contextlib.contextmanager
def deadline(seconds: float, what: str) -> Iterator[None]:
    """End the block with TimeoutError after `seconds`: a server that hangs must not hang us."""

    def ring(_number: int, _frame: object) -> None:
        raise TimeoutError(f"{what} took longer than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
