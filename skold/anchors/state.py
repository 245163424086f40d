"""How it stands with the anchors: for pages, metrics and the question whether somebody must look.

One small file for each place, replaced after every attempt; whoever may read the ledger may ask.
"""

import datetime as dt
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from skold.anchors.files import FOLDER, AnchorInvalidError, find_newest
from skold.anchors.places import Place, parse_places
from skold.disk import FILE_MODE, opened

STATES = "state"
ALARM = dt.timedelta(hours=26)
"""A day, and two hours for the place to be repaired."""


@dataclass(frozen=True, slots=True)
class PlaceState:
    """`since`: when this place was first seen in the settings. `covered`: when its newest anchor
    last spoke of every record there was; a quiet ledger needs no new one."""

    since: dt.datetime
    covered: dt.datetime | None = None
    at: dt.datetime | None = None
    size: int = 0
    signer_verified: bool | None = None
    failures: int = 0
    error: str = ""
    tried: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class AnchorState:
    """`last`: when a place took its newest checkpoint; `covered`, `error` and `signer_verified` by
    place as in PlaceState. `size`: records of the newest checkpoint anchored anywhere.
    `not_anchored`: no place, or one that has not covered the ledger for ALARM."""

    places: tuple[Place, ...]
    wrong: tuple[str, ...]
    last: Mapping[str, dt.datetime]
    covered: Mapping[str, dt.datetime]
    age: Mapping[str, float]
    error: Mapping[str, str]
    failures: Mapping[str, int]
    signer_verified: Mapping[str, bool | None]
    sizes: Mapping[str, int]
    size: int
    not_anchored: bool


def read_state(
    ledger: Path, addresses: Sequence[str], now: dt.datetime | None = None
) -> AnchorState:
    """Of the places named by SKOLD_ANCHORS; others, which were named once, are left out."""
    now = now or dt.datetime.now(dt.UTC)
    places, wrong = parse_places(addresses)
    states = {place.name: read_place(ledger, place, now) for place in places}
    age = {
        name: max(0.0, (now - (state.covered or state.since)).total_seconds())
        for name, state in states.items()
    }
    return AnchorState(
        places=tuple(places),
        wrong=tuple(wrong),
        last={name: state.at for name, state in states.items() if state.at},
        covered={name: state.covered for name, state in states.items() if state.covered},
        age=age,
        error={name: state.error for name, state in states.items() if state.error},
        failures={name: state.failures for name, state in states.items()},
        signer_verified={name: state.signer_verified for name, state in states.items()},
        sizes={name: state.size for name, state in states.items()},
        size=max((state.size for state in states.values()), default=0),
        not_anchored=not states or any(value > ALARM.total_seconds() for value in age.values()),
    )


def read_place(ledger: Path, place: Place, now: dt.datetime) -> PlaceState:
    """What the last attempt left; where that is lost, what the anchors themselves say."""
    try:
        document = orjson.loads(_path(ledger, place).read_bytes())
        return PlaceState(
            since=dt.datetime.fromisoformat(document["since"]),
            covered=_time(document["covered"]),
            at=_time(document["at"]),
            size=document["size"],
            signer_verified=document["signer_verified"],
            failures=document["failures"],
            error=document["error"],
            tried=_time(document["tried"]),
        )
    except (OSError, KeyError, TypeError, ValueError):
        return _from_anchors(ledger, place, now)


def write_place(ledger: Path, place: Place, state: PlaceState) -> None:
    """Replace it whole. Not flushed: the anchors are the truth. Raises OSError."""
    path = _path(ledger, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE) as fd:
        os.write(fd, orjson.dumps(state))
    temporary.replace(path)


def _from_anchors(ledger: Path, place: Place, now: dt.datetime) -> PlaceState:
    try:
        newest = find_newest(ledger, place.name)
    except (AnchorInvalidError, OSError):
        newest = None
    if newest is None:
        return PlaceState(since=now)
    at = dt.datetime.fromisoformat(newest.at)
    return PlaceState(
        since=at, covered=at, at=at, size=newest.size, signer_verified=newest.signer_verified
    )


def _time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)


def _path(ledger: Path, place: Place) -> Path:
    return ledger / FOLDER / STATES / f"{place.name}.json"
