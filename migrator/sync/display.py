"""How far a sync is, for whoever watches: live on a terminal, otherwise a line now and then."""

import datetime as dt
import sys
import time
from collections import deque
from typing import Any, Self, TextIO

from django.utils.translation import gettext as _
from rich.console import Console
from rich.filesize import decimal
from rich.live import Live
from rich.table import Table

from migrator.models import Source
from migrator.sync.book import Figures

LINE_EACH = 5.0
_WINDOW = 20.0
"""Seconds that rates are taken over."""


class Display:
    """A context; call it as the slice's `watch`. `hidden` shows nothing."""

    def __init__(self, out: TextIO, *, hidden: bool = False) -> None:
        self._out = out
        self._hidden = hidden
        self._console = Console(file=out)
        self._live = Live(console=self._console, refresh_per_second=4, auto_refresh=False)
        self._is_live = not hidden and self._console.is_terminal
        self._samples: deque[tuple[float, int, int]] = deque()
        self._shown_at = float("-inf")
        self.figures = Figures()

    def __enter__(self) -> Self:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *_args: object) -> None:
        if self._is_live:
            self._live.stop()

    def __call__(self, source: Source, figures: Figures) -> None:
        self.figures = figures
        now = time.monotonic()
        each = 0.25 if self._is_live else LINE_EACH
        if self._hidden or now - self._shown_at < each:
            return
        self._shown_at = now
        self._samples.append((now, figures.bytes, figures.backfilled))
        while self._samples[0][0] < now - _WINDOW:
            self._samples.popleft()
        rows = self._rows(source, figures)
        if self._is_live:
            self._live.update(_table(source.name, rows), refresh=True)
        else:
            self._out.write("  ".join(f"{name}: {value}" for name, value in rows.items()) + "\n")
            self._out.flush()

    def _rows(self, source: Source, figures: Figures) -> dict[str, str]:
        rate, remaining = self._rate(source, figures)
        rows = {
            _("backfill"): _backfill(source, figures),
            _("files"): f"{figures.files:,}",
            _("bytes"): decimal(figures.bytes),
            _("rate"): f"{decimal(int(rate))}/s",
            _("remaining"): remaining,
            _("errors"): f"{figures.failed:,}",
            _("changes waiting"): "?" if figures.backlog is None else f"{figures.backlog:,}",
        }
        if figures.oldest_change_at is not None:
            lag = dt.datetime.now(dt.UTC) - figures.oldest_change_at
            rows[_("lag")] = _("%(seconds)s s") % {"seconds": int(lag.total_seconds())}
        if figures.held_back_by:
            rows[_("held back by")] = holder(figures.held_back_by)
        return rows

    def _rate(self, source: Source, figures: Figures) -> tuple[float, str]:
        first, last = self._samples[0], self._samples[-1]
        seconds = last[0] - first[0]
        if seconds <= 0:
            return 0.0, "?"
        records = (last[2] - first[2]) / seconds
        left = source.records_estimated - figures.backfilled
        if source.backfill_finished_at is not None or left <= 0:
            return (last[1] - first[1]) / seconds, "-"
        return (last[1] - first[1]) / seconds, _duration(left / records) if records else "?"


def holder(facts: dict[str, Any]) -> str:
    """Whoever holds back, in words."""
    if "gid" in facts:
        text = _("the prepared transaction %(gid)s, for %(age)s s")
    else:
        text = _("process %(pid)s (%(application)s), for %(age)s s")
    return text % {"gid": "", "pid": "?", "application": "?", "age": "?", **facts}


def _backfill(source: Source, figures: Figures) -> str:
    if source.backfill_finished_at is not None:
        return _("done")
    if figures.is_quiet:
        return _("rests in quiet hours")
    return f"{figures.backfilled:,} / {source.records_estimated:,}"


def _duration(seconds: float) -> str:
    minutes, _rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours}:{minutes:02} h"


def _table(name: str, rows: dict[str, str]) -> Table:
    table = Table(title=name, show_header=False, title_justify="left")
    for label, value in rows.items():
        table.add_row(label, value)
    return table


def terminal() -> TextIO:
    """Where a person may be watching; results go to the standard output."""
    return sys.stderr
