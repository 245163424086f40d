"""What a data plane has recorded, read from its journal as the bridge would."""

import json
import time
from collections.abc import Callable
from typing import Any

from skold.journal_reader import WriterReader, iter_writers
from tests.support.plane import Home


def records(home: Home) -> list[dict[str, Any]]:
    """Every record of every writer, private fields under "private"."""
    found: list[dict[str, Any]] = []
    for folder in home.config.journal_dirs:
        for writer in iter_writers(folder):
            reader = WriterReader(folder, writer)
            while frames := reader.read():
                found += [
                    {**frame.fields, "private": json.loads(frame.private) if frame.private else {}}
                    for frame in frames
                ]
    return found


def pairs(home: Home, request_id: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The `req` and the `done` records of one request; waits a moment for the latter."""
    deadline = time.monotonic() + 5
    while True:
        found = records(home)
        asked = [each for each in found if each["kind"] == "req" and each["id"] == request_id]
        numbers = {(each["writer"], each["n"]) for each in asked}
        done = [
            each
            for each in found
            if each["kind"] == "done" and (each["writer"], each.get("ref")) in numbers
        ]
        if done or time.monotonic() > deadline:
            return asked, done
        time.sleep(0.05)


def until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()
