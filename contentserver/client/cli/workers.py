"""Several files at once, on threads that can be left behind: a stopped copy ends within seconds."""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
PATIENCE = 2.0  # seconds for all threads together to notice that they shall stop


class Stopped(Exception):
    """Raised within a transfer that shall end now."""


def run_all(
    tasks: Iterable[Task],
    work: Callable[[Task], Result],
    *,
    jobs: int,
    stop: threading.Event,
) -> Generator[Result, None, None]:
    """Results as they come, in no order. Once `stop` is set no task is begun, those under way are
    awaited for PATIENCE at most, and the rest yields nothing. What `work` raises is raised here.
    """
    wanted: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
    found: queue.SimpleQueue[Result | BaseException | None] = queue.SimpleQueue()
    threads = [
        threading.Thread(target=_work_off, args=(wanted, found, work, stop), daemon=True)
        for _ in range(jobs)
    ]
    for thread in threads:
        thread.start()
    try:
        yield from _results(tasks, wanted, found, jobs, stop)
    finally:
        for _ in threads:
            wanted.put(None)
        deadline = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _results(
    tasks: Iterable[Task],
    wanted: "queue.SimpleQueue[Task | None]",
    found: "queue.SimpleQueue[Result | BaseException | None]",
    jobs: int,
    stop: threading.Event,
) -> Iterator[Result]:
    waiting = 0
    for task in tasks:
        if stop.is_set():
            break
        wanted.put(task)
        waiting += 1
        if waiting > jobs:  # one lies ready for whoever is done first, no more
            yield from _next(found)
            waiting -= 1
    while waiting:
        yield from _next(found)
        waiting -= 1


def _next(found: "queue.SimpleQueue[Result | BaseException | None]") -> Iterator[Result]:
    result = found.get()
    if isinstance(result, Stopped) or result is None:
        return
    if isinstance(result, BaseException):
        raise result
    yield result


def _work_off(
    wanted: "queue.SimpleQueue[Task | None]",
    found: "queue.SimpleQueue[Result | BaseException | None]",
    work: Callable[[Task], Result],
    stop: threading.Event,
) -> None:
    while (task := wanted.get()) is not None:
        try:
            found.put(None if stop.is_set() else work(task))
        except BaseException as error:  # noqa: BLE001 - raised where the results are awaited
            found.put(error)
