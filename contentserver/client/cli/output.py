"""Answers on the standard output, remarks and errors on the standard error, nothing else anywhere.

With --json an answer is one object, or one a line, with names that stay; an error is one object on
the standard error.
"""

import json
import os
from typing import Any, TextIO

from contentserver.client.cli.failures import Failure

_SIZES = ("bytes", "kB", "MB", "GB", "TB", "PB")


class Output:
    """`errors` is where people look; it may be a terminal."""

    def __init__(self, out: TextIO, errors: TextIO) -> None:
        self._out, self.errors = out, errors
        self.as_json = self.quiet = False

    def answer(self, facts: dict[str, Any], *lines: str) -> None:
        """`facts` for programs, `lines` for people; flushed, so that a pipe sees it at once."""
        text = json.dumps(facts) if self.as_json else "\n".join(map(shown, lines))
        if text:
            print(text, file=self._out, flush=True)

    def beside(self, facts: dict[str, Any], line: str) -> None:
        """An answer while the standard output is taken by a file's bytes."""
        if self.as_json:
            print(json.dumps(facts), file=self.errors, flush=True)
        else:
            self.remark(line)

    def remark(self, text: str) -> None:
        """For people only, and not with --quiet or --json."""
        if not (self.quiet or self.as_json):
            print(shown(text), file=self.errors, flush=True)

    def warn(self, text: str) -> None:
        """For people, also with --quiet: something is not as it should be."""
        if not self.as_json:
            print(shown(text), file=self.errors, flush=True)

    def complain(self, failure: Failure) -> None:
        text = json.dumps(failure.as_json())
        line = text if self.as_json else f"contentctl: {shown(failure.message)}"
        print(line, file=self.errors, flush=True)


def shown(text: str) -> str:
    """Without what a terminal would obey: names and answers of others may hold anything."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def human_size(size: int) -> str:
    """1,234 bytes → 1.2 kB; powers of 1,000."""
    value, unit = float(size), _SIZES[0]
    for unit in _SIZES:
        if value < 999.5 or unit == _SIZES[-1]:
            break
        value /= 1000
    if unit == "bytes":
        return "1 byte" if size == 1 else f"{size} bytes"
    return f"{value:.0f} {unit}" if value >= 99.95 else f"{value:.1f} {unit}"


def homely(path: str) -> str:
    """With ~ for the home folder."""
    home = os.path.expanduser("~").rstrip("/")
    return f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path


def counted(number: int, name: str) -> str:
    """1 file, 2 files, 1,204 files."""
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"


def clock(seconds: float) -> str:
    """0:17, 12:03, 3:20:00."""
    whole = int(seconds) + 1
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
