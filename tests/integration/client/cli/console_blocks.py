"""Console blocks of a document: what is typed, and what is printed then."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VARIES = (
    (re.compile(r"\b20\d\d\.(\d+)"), r"YEAR.\1"),
    (re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"\[request \w+\]"), "[request ID]"),
    (re.compile(r"\bin \d+:\d\d\b"), "in TIME"),
    (re.compile(r"https?://[\w.:-]+"), "SERVER"),
    (re.compile(r"[~/]\S*/contentctl/(\w+-(up|down))-\w+\.jsonl"), r"FOLDER/\2.jsonl"),
    (re.compile(r"expires=\d+&kid=[0-9a-f…]+"), "expires=TIME&kid=ID"),
    (re.compile(r"sig=[0-9a-f…]+"), "sig=SIGNATURE"),
)


class Line(NamedTuple):
    """A command and all that it prints, standard error among it."""

    command: str
    printed: str


def section(page: Path, heading: str) -> str:
    """The text below `## heading`, up to the next of its kind."""
    _, _, rest = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def iter_lines(text: str) -> Iterator[Line]:
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield Line(command, printed)


def typed(command: str, folder: Path, environment: Mapping[str, str]) -> str:
    """What the command prints there."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, text=True, timeout=60,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    return done.stdout


def without_what_varies(text: str) -> str:
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return text
