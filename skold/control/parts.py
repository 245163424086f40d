"""What the control plane needs from the process it runs in: gate, journal, keys that wrap secrets.

Sköld does not know where they come from. The project installs callables, usually in
`AppConfig.ready`:

    parts.install(gate=..., journal=..., url_keys=..., check_place=..., problem_base=...,
                  problem_titles=..., limits=..., guessing=..., published=...)

Each is called at first use and again after a fork: a journal's threads do not survive one.
"""

import atexit
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from skold.control.refusals import Refusals
from skold.documents import Document
from skold.gate import Gate
from skold.guessing import Guessing
from skold.journal import Journal
from skold.limits import Limits

MakeGate = Callable[[], Gate]
MakeJournal = Callable[[], Journal]
MakeUrlKeys = Callable[[], Mapping[int, bytes]]
MakeLimits = Callable[[], Limits]
Published = Callable[[], Document]
MakeGuessing = Callable[[], Guessing]
CheckPlace = Callable[[str, str], None]
Addresses = Callable[[str | None, str], Sequence[str]]


class NotInstalledError(RuntimeError):
    """The project has not said where gate and journal come from."""


@dataclass(frozen=True, slots=True)
class Makers:
    """What `install` was given."""

    gate: MakeGate
    journal: MakeJournal
    url_keys: MakeUrlKeys
    check_place: CheckPlace
    addresses: Addresses
    problem_base: str
    problem_titles: Mapping[str, str]
    limits: MakeLimits
    guessing: MakeGuessing
    published: Published


@dataclass(slots=True)
class Parts:
    """The parts of this process."""

    pid: int
    gate: Gate
    journal: Journal
    refusals: Refusals


_makers: Makers | None = None
_parts: Parts | None = None
_lock = threading.Lock()


def install(
    *,
    gate: MakeGate,
    journal: MakeJournal,
    url_keys: MakeUrlKeys,
    check_place: CheckPlace,
    addresses: Addresses,
    problem_base: str,
    problem_titles: Mapping[str, str],
    limits: MakeLimits,
    guessing: MakeGuessing,
    published: Published,
) -> None:
    """Say where the parts come from. `journal` gives one that is not started yet: it is started at
    first use and closed at exit. `url_keys` gives number -> key of the data keyset. `check_place`
    raises ValidationError for a collection and prefix that a grant cannot reach. `addresses` gives
    what the audit calls the key of a collection, or of each collection where none is named; nothing
    for what can be no key. `problem_base`
    precedes the type of a problem (RFC 9457); `problem_titles` gives each type its one title.
    `limits` and `guessing` count the requests of this process. `published` gives the policy as it
    lies on disk now, verified; it raises PolicyMissing, PolicyTooOld.
    """
    global _makers
    shut()
    _makers = Makers(
        gate=gate,
        journal=journal,
        url_keys=url_keys,
        check_place=check_place,
        addresses=addresses,
        problem_base=problem_base,
        problem_titles=problem_titles,
        limits=limits,
        guessing=guessing,
        published=published,
    )


def is_installed() -> bool:
    """Whether `install` was called."""
    return _makers is not None


def gate() -> Gate:
    """This process's gate. Raises NotInstalledError."""
    return _open().gate


def journal() -> Journal:
    """This process's journal, started. Raises NotInstalledError."""
    return _open().journal


def refusals() -> Refusals:
    """What counts this process's refusals and limits. Raises NotInstalledError."""
    return _open().refusals


def published() -> Document:
    """The policy on disk. Raises PolicyMissing, PolicyTooOld, NotInstalledError."""
    return _get_makers().published()


def url_keys() -> Mapping[int, bytes]:
    """The keys that wrap the secrets of signing keys. Raises NotInstalledError."""
    return _get_makers().url_keys()


def check_place(collection: str, prefix: str) -> None:
    """Raises ValidationError naming `collection` or `prefix` where a grant cannot reach it."""
    _get_makers().check_place(collection, prefix)


def addresses(collection: str | None, key: str) -> Sequence[str]:
    """What the audit calls this key, of one collection or of all. Raises NotInstalledError."""
    return _get_makers().addresses(collection, key)


def problem_base() -> str:
    """What precedes the type of a problem."""
    return _get_makers().problem_base


def problem_titles() -> Mapping[str, str]:
    """The title of each type that the project knows."""
    return _get_makers().problem_titles


def shut() -> None:
    """Close the journal, if this process opened one."""
    global _parts
    with _lock:
        if _parts is not None and _parts.pid == os.getpid():
            _parts.refusals.flush()
            _parts.journal.close()
        _parts = None


def _open() -> Parts:
    global _parts
    if _parts is not None and _parts.pid == os.getpid():
        return _parts
    with _lock:
        if _parts is None or _parts.pid != os.getpid():
            makers = _get_makers()
            journal = makers.journal()
            refusals = Refusals(journal, makers.limits(), makers.guessing())
            made = Parts(os.getpid(), makers.gate(), journal, refusals)
            made.journal.start()
            atexit.register(shut)
            _parts = made
        return _parts


def _get_makers() -> Makers:
    if _makers is None:
        raise NotInstalledError(
            "skold.control.parts.install was not called; call it in AppConfig.ready"
        )
    return _makers
