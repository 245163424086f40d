"""Ends the servers when their supervisor has ended, however it ended: `python -m …guardian FD`.

The supervisor writes one line for each thing it makes to a pipe and holds the other end. The end of
the pipe is the end of the supervisor, kill -9 included. What still runs is then asked to stop,
after a while killed, with all its descendants; folders and files named on the way are removed. It
also holds the lock of the home, so a next supervisor begins only when nothing of the former one is
left.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator

PATIENCE = 8.0

Groups = dict[int, int]


def main(descriptor: int) -> None:
    """Read lines until the end of the pipe, then end and remove what they named."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.SIG_IGN)
    groups: Groups = {}
    leftovers: list[str] = []
    with os.fdopen(descriptor, encoding="utf-8") as lines:
        read(lines, groups, leftovers)
    end(groups)
    for path in leftovers:
        remove(path)


def read(lines: Iterable[str], groups: Groups, leftovers: list[str]) -> None:
    """`+ PGID SIGNAL` a group and how it is asked to stop, `- PGID` it has ended, `x PATH` to be
    removed.
    """
    for line in lines:
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "+":
            group, how = rest.split()
            groups[int(group)] = int(how)
        elif word == "-":
            groups.pop(int(rest), None)
        elif word == "x":
            leftovers.append(rest)


def end(groups: Groups, patience: float = PATIENCE) -> None:
    """Ask every group to stop, wait at most `patience` seconds, kill the rest."""
    for group, how in groups.items():
        _signal(group, how)
    deadline = time.monotonic() + patience
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        for group in [group for group in groups if not _signal(group, 0)]:
            del groups[group]
    for group in groups:
        kill(group)


def kill(leader: int) -> None:
    """Kill a group and all descendants of its leader: a backend of PostgreSQL is its own group."""
    doomed = list(iter_descendants(leader))
    _signal(leader, signal.SIGKILL)
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def iter_descendants(pid: int) -> Iterator[int]:
    """The children of a process and theirs, as /proc shows them at this moment."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            children.setdefault(_parent(entry), []).append(int(entry))
    waiting = [pid]
    while waiting:
        found = children.get(waiting.pop(), [])
        yield from found
        waiting += found


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            # The name in parentheses may hold anything; the state and the parent follow it.
            return int(stat.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def remove(path: str) -> None:
    """Remove a file or a folder with all that is in it; one that is gone is gone."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _signal(group: int, how: int) -> bool:
    try:
        os.killpg(group, how)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
