"""Contents that say which state of which record they are, and are wrong when one byte is."""

import hashlib
import random
import re
from typing import NamedTuple

HEADER = 100
"""No content is shorter than its longest first line."""

_LINE = re.compile(rb"(\w+) (\d+) (\d+) (\S+) (\d+)\n")


class State(NamedTuple):
    """`number` counts a record's changes, in the order in which they were committed; `token` is of
    one writer's one change, committed or not.
    """

    source: str
    record: int
    number: int
    token: str


def make(state: State, size: int) -> bytes:
    line = b"%s %d %d %s %d\n" % (
        state.source.encode(), state.record, state.number, state.token.encode(), size,
    )  # fmt: skip
    block = hashlib.sha512(line).digest()
    return (line + block * (size // len(block) + 1))[:size]


def read(content: bytes) -> State:
    """Raises ValueError unless each byte is as `make` made it."""
    found = _LINE.match(content)
    if found is None:
        raise ValueError(f"no content of ours: {content[:60]!r}")
    source, record, number, token, size = found.groups()
    state = State(source.decode(), int(record), int(number), token.decode())
    if make(state, int(size)) != content:
        raise ValueError(f"{state}: {len(content)} bytes that are not its own {int(size)}")
    return state


def random_size(chance: random.Random) -> int:
    """Mostly small, some of several chunks."""
    kind = chance.random()
    if kind < 0.9:
        return chance.randint(HEADER, 3_000)
    return chance.randint(3_000, 70_000 if kind < 0.99 else 200_000)
