"""Tasks on threads."""

import threading
import time
from itertools import count

import pytest

from contentserver.client.cli import workers
from contentserver.client.cli.workers import Stopped, run_all


def test_every_task_is_done_and_no_more_than_jobs_at_once():
    under_way, most, lock = [0], [0], threading.Lock()

    def work(task: int) -> int:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.002)
        with lock:
            under_way[0] -= 1
        return task * 2

    results = sorted(run_all(range(50), work, jobs=4, stop=threading.Event()))
    assert results == [task * 2 for task in range(50)]
    assert most[0] == 4


def test_an_endless_list_is_taken_only_as_far_as_it_is_worked_off():
    taken: list[int] = []

    def tasks():
        for number in count():
            taken.append(number)
            yield number

    results = run_all(tasks(), lambda task: task, jobs=3, stop=threading.Event())
    for _ in range(10):
        next(results)
    results.close()
    assert len(taken) <= 10 + 3 + 1


def test_nothing_is_begun_once_it_is_told_to_stop():
    stop, begun = threading.Event(), []

    def work(task: int) -> int:
        begun.append(task)
        if task == 5:
            stop.set()
        return task

    results = list(run_all(range(1000), work, jobs=1, stop=stop))
    assert begun == [0, 1, 2, 3, 4, 5]
    assert results == begun


def test_a_transfer_that_was_stopped_gives_no_result():
    def work(task: int) -> int:
        if task == 1:
            raise Stopped
        return task

    assert list(run_all([0, 1, 2], work, jobs=1, stop=threading.Event())) == [0, 2]


def test_a_defect_in_a_task_is_raised_where_the_results_are_awaited():
    def work(task: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(run_all([0], work, jobs=2, stop=threading.Event()))


def test_a_thread_that_hangs_does_not_hold_the_end_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "PATIENCE", 0.05)
    never = threading.Event()
    results = run_all([0, 1], lambda task: never.wait(30) or task if task else task,
                      jobs=2, stop=threading.Event())  # fmt: skip
    assert next(results) == 0
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 5.0
    never.set()
