"""The columns of the bars, the line above them, and the words in both."""

from collections.abc import Mapping

from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.table import Column, Table
from rich.text import Text

from contentserver.client.cli.output import clock, human_size

NAME_WIDTH = 32
BAR_WIDTH = 18
DONE, UNDER_WAY, FAILED, QUIET = "green", "cyan", "bold red", "bright_black"


class Percent(ProgressColumn):
    """62 %"""

    def render(self, task: Task) -> Text:
        done = task.percentage if task.total else 0.0
        return Text(f"{min(int(done), 100):>4} %", style=DONE if task.finished else UNDER_WAY)


class Sizes(ProgressColumn):
    """1.2 of 2.0 GB"""

    def render(self, task: Task) -> Text:
        done = human_size(int(task.completed))
        if task.total is None:
            return Text(f"  {done}")
        whole = human_size(int(task.total))
        if done.split()[1] == whole.split()[1]:
            done = done.split()[0]
        return Text.assemble(f"  {done:>5}", (" of ", QUIET), whole)


class Speed(ProgressColumn):
    """48 MB/s"""

    def render(self, task: Task) -> Text:
        rate = task.fields.get("rate") or 0.0
        return Text(f"  {human_size(int(rate))}/s" if rate >= 1 else "", style=UNDER_WAY)


class TimeLeft(ProgressColumn):
    """0:17 left"""

    def render(self, task: Task) -> Text:
        left = task.fields.get("left")
        if left is None or task.finished:
            return Text("")
        return Text.assemble(f"  {clock(left)}", (" left", QUIET))


class Name(ProgressColumn):
    """The file's name, its end rather than its beginning where it is long."""

    def render(self, task: Task) -> Text:
        return Text("  " + shortened(str(task.fields["name"])).ljust(NAME_WIDTH), style=QUIET)


def heading(title: str, counts: Mapping[str, int]) -> Table:
    """From where to where on the left; on the right 812 of 1,304 files · 1 failed."""
    line = Table.grid(Column(ratio=1, no_wrap=True, overflow="ellipsis"), Column(justify="right"),
                      expand=True)  # fmt: skip
    right = Text()
    if counts["files"] > 1:
        right.append(f"  {counts['settled']:,}").append(" of ", QUIET)
        right.append(f"{counts['files']:,} files")
    if counts["failed"]:
        right.append(" · ", QUIET).append(f"{counts['failed']:,} failed", FAILED)
    line.add_row(Text(title, style="bold"), right)
    return line


def whole_bar() -> Progress:
    """Of the whole copy."""
    bar = BarColumn(
        bar_width=None, complete_style=UNDER_WAY, finished_style=DONE, table_column=Column(ratio=1)
    )
    beside = [kind(Column(no_wrap=True)) for kind in (Percent, Sizes, Speed, TimeLeft)]
    return Progress(bar, *beside, expand=True, auto_refresh=False)


def file_bars() -> Progress:
    """Of the files under way, a row each."""
    bar = BarColumn(bar_width=BAR_WIDTH, complete_style="blue", finished_style=DONE)
    name, percent, sizes = (kind(Column(no_wrap=True)) for kind in (Name, Percent, Sizes))
    return Progress(name, bar, percent, sizes, auto_refresh=False)


def shortened(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else f"…{name[1 - NAME_WIDTH :]}"
