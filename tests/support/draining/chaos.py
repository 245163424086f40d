"""Stalls and kills at random."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from tests.support.draining.processes import Running

Act = Callable[[], None]


@contextmanager
def stalls(processes: Sequence[Running], longest: float) -> Iterator[Counter[str]]:
    """One of them stands still at almost any time, for up to `longest` seconds; which, how often.

    At the end all go on.
    """
    counted: Counter[str] = Counter()
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(random.uniform(0, 0.3)):
            one = random.choice(processes)
            one.stall()
            counted[one.name] += 1
            ended.wait(random.uniform(0.05, longest))
            one.go_on()

    thread = threading.Thread(target=work, name="stalls")
    thread.start()
    try:
        yield counted
    finally:
        ended.set()
        thread.join()


def kills(
    how: dict[str, Act], acts: dict[str, Act], *, seconds: float, each: float
) -> Counter[str]:
    """For so many seconds one of `how` about every `each`, as often as the others; `acts` in
    between, evenly. How often each came.

    In the thread of the caller: an embedded PostgreSQL ends with the thread that started it.
    """
    began = time.monotonic()
    ends = began + seconds
    counted: Counter[str] = Counter()
    waiting = [(began + seconds * n / (len(acts) + 1), one) for n, one in enumerate(acts, 1)]
    names: list[str] = []
    next_at = began + each * random.uniform(0.5, 1.5)
    while (now := time.monotonic()) < ends:
        if waiting and now >= waiting[0][0]:
            acts[waiting.pop(0)[1]]()
        if now >= next_at:
            names = names or random.sample(list(how), len(how))
            name = names.pop()
            how[name]()
            counted[name] += 1
            next_at = time.monotonic() + each * random.uniform(0.5, 1.5)
        time.sleep(0.02)
    return counted


def kill_and_start(one: Running) -> Act:
    def again() -> None:
        one.kill()
        one.start()

    return again
