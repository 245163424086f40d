"""The columns of the bars: what stands beside them, and in which words."""

from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.table import Column
from rich.text import Text

from contentserver.client.cli.output import clock, human_size

NAME_WIDTH = 30
DONE, UNDER_WAY, FAILED = "green", "cyan", "bold red"


class Percent(ProgressColumn):
    """62 %"""

    def render(self, task: Task) -> Text:
        done = task.percentage if task.total else 0.0
        return Text(f"{min(int(done), 100):>3} %", style=DONE if task.finished else UNDER_WAY)


class Sizes(ProgressColumn):
    """1.2 GB of 2.0 GB"""

    def render(self, task: Task) -> Text:
        done = human_size(int(task.completed))
        if task.total is None:
            return Text(done)
        return Text.assemble(done, (" of ", "dim"), human_size(int(task.total)))


class Speed(ProgressColumn):
    """48 MB/s"""

    def render(self, task: Task) -> Text:
        rate = task.fields.get("rate") or 0.0
        return Text(f"{human_size(int(rate))}/s" if rate >= 1 else "-/s", style=UNDER_WAY)


class TimeLeft(ProgressColumn):
    """0:17 left"""

    def render(self, task: Task) -> Text:
        left = task.fields.get("left")
        return Text(f"{clock(left)} left" if left is not None else "", style="dim")


class Files(ProgressColumn):
    """812 of 1,304 files, 1 failed"""

    def render(self, task: Task) -> Text:
        counts = task.fields.get("counts") or {}
        if not counts.get("files", 0) > 1:
            return Text("")
        text = Text(f"{counts['settled']:,}")
        text.append(" of ", style="dim").append(f"{counts['files']:,} files")
        if counts["failed"]:
            text.append(f"  {counts['failed']:,} failed", style=FAILED)
        return text


class Name(ProgressColumn):
    """The file's name, its end rather than its beginning where it is long."""

    def render(self, task: Task) -> Text:
        return Text(shortened(str(task.fields["name"])).ljust(NAME_WIDTH), style="dim")


def whole_bar() -> Progress:
    """Of the whole copy."""
    bar = BarColumn(
        bar_width=None, complete_style=UNDER_WAY, finished_style=DONE, table_column=Column(ratio=1)
    )
    beside = [kind(Column(no_wrap=True)) for kind in (Percent, Sizes, Speed, TimeLeft, Files)]
    return Progress(bar, *beside, expand=True, auto_refresh=False)


def file_bars() -> Progress:
    """Of the files under way, a row each."""
    bar = BarColumn(bar_width=18, complete_style="blue", finished_style=DONE)
    name, percent, sizes = (kind(Column(no_wrap=True)) for kind in (Name, Percent, Sizes))
    return Progress(name, bar, percent, sizes, auto_refresh=False)


def shortened(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else f"…{name[1 - NAME_WIDTH :]}"
