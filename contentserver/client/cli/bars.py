"""The bars of a copy, drawn by rich: the whole on top, below it what is under way."""

import threading
import time
from collections import deque
from typing import Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress import Progress, TaskID
from rich.text import Text

from contentserver.client import Progress as Moved
from contentserver.client.cli.columns import FAILED, file_bars, heading, whole_bar
from contentserver.client.cli.display import Told
from contentserver.client.cli.output import shown

RATE_SPAN = 15.0  # seconds; the rate shown is that of so long


class Bars:
    """Threads may call everything."""

    def __init__(self, title: str, errors: TextIO, *, console: Console | None = None) -> None:
        self.console = console or Console(file=errors, highlight=False)
        self._title = shown(title)
        self._whole, self._files = whole_bar(), file_bars()
        self._task = self._whole.add_task("", total=0)
        self._counts = {"files": 0, "settled": 0, "failed": 0}
        self._rate = Rate()
        self._lock = threading.Lock()
        self._live = Live(get_renderable=self._picture, console=self.console, refresh_per_second=8)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._live.stop()

    def expect(self, files: int, size: int) -> None:
        with self._lock:
            self._counts["files"] += files
            self._whole.update(self._task, total=(self._whole.tasks[0].total or 0) + size)

    def file(self, name: str, size: int | None) -> "FileBar":
        return FileBar(self, self._files, name, size)

    def settled(self, state: str, size: int) -> None:
        with self._lock:
            self._counts["settled"] += 1
            self._counts["failed"] += state == "failed"
            self._whole.advance(self._task, size)

    def note(self, text: str) -> None:
        said = Text(shown(text))
        if text.startswith("failed "):
            said.stylize(FAILED, 0, len("failed"))
        self.console.print(said, soft_wrap=True)

    def moved(self, size: int, *, counts: bool = True) -> None:
        """So many bytes more; negative when a transfer begins again."""
        with self._lock:
            self._whole.advance(self._task, size)
            if counts and size > 0:
                self._rate.add(size)

    def _picture(self) -> Group:
        with self._lock:
            task, counts = self._whole.tasks[0], dict(self._counts)
            rate = self._rate.per_second()
        left = (task.total or 0) - task.completed
        task.fields.update(rate=rate, left=left / rate if rate else None)
        rows = [heading(self._title, counts), self._whole.get_renderable()]
        several = self._files.tasks and counts["files"] > 1
        return Group(*rows, *([self._files.get_renderable()] if several else []))


class FileBar:
    """One file under way; its row goes when it ends."""

    def __init__(self, bars: Bars, rows: Progress, name: str, size: int | None) -> None:
        self._bars, self._rows = bars, rows
        self._name, self._size, self._done = name, size, 0
        self._row: TaskID | None = None

    def __enter__(self) -> Told:
        self._row = self._rows.add_task("", total=self._size, name=shown(self._name))
        return self._told

    def __exit__(self, *error: object) -> None:
        if self._row is not None:
            self._rows.remove_task(self._row)
        if error[0] is not None:  # what is counted again by `settled`, or by the next attempt
            self._bars.moved(-self._done)

    def _told(self, moved: Moved) -> None:
        assert self._row is not None
        resumed = self._done == 0 and moved.done > (1 << 23)
        self._bars.moved(moved.done - self._done, counts=not resumed)
        self._done = moved.done
        self._rows.update(self._row, completed=moved.done, total=moved.total or self._size)


class Rate:
    """Bytes a second over the last RATE_SPAN."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._moved: deque[tuple[float, int]] = deque()

    def add(self, size: int) -> None:
        self._moved.append((time.monotonic(), size))

    def per_second(self) -> float:
        now = time.monotonic()
        while self._moved and self._moved[0][0] < now - RATE_SPAN:
            self._moved.popleft()
        span = min(RATE_SPAN, now - self._began)
        return sum(size for _, size in self._moved) / span if span > 0.2 else 0.0
