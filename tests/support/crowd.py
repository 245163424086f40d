"""Many at once: threads in several processes, let go together."""

import json
import os
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from contentserver.store.store import Store
from tests.support.stores import Machine


def crowd(
    machine: Machine, work: Callable[[Store, int], Any], *, processes: int, threads: int
) -> list[Any]:
    """What `work(store, number)` returns to each of processes · threads, one store to a process."""
    pipes = [_process(machine, work, number, threads) for number in range(processes)]
    answers: list[Any] = []
    for child, read in pipes:
        with os.fdopen(read) as pipe:
            answers += json.load(pipe)
        os.waitpid(child, 0)
    return answers


def _process(
    machine: Machine, work: Callable[[Store, int], Any], number: int, threads: int
) -> tuple[int, int]:
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(write)
        return child, read
    try:
        answers = _threads(machine.open(), work, number * threads, threads)
        with os.fdopen(write, "w") as pipe:
            json.dump(answers, pipe)
    except Exception:  # noqa: BLE001 - the parent sees no answer
        traceback.print_exc()
    finally:
        os._exit(0)


def _threads(store: Store, work: Callable[[Store, int], Any], first: int, count: int) -> list[Any]:
    """What went wrong in a thread is raised here, or a missing answer would be all to see of it."""
    start = threading.Barrier(count)

    def run(number: int) -> Any:
        start.wait()
        return work(store, number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(first, first + count)))
