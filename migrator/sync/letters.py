"""What a sync and its import processes say to each other, as bytes."""

import io
import pickle
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from contentserver.conf import Config
from contentserver.store.errors import StoreError
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import LegacyError
from migrator.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Order:
    """The first letter: which source, and the rule by which its collection erases."""

    config: Config
    description: Description
    erasure: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to be brought; the answer is an Answer."""

    ids: list[RecordId]
    only_missing: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a batch; `error` where it was raised."""

    outcomes: list[Outcome]
    error: Exception | None = None


def send(line: Connection, letter: Order | Batch | Answer) -> None:
    """Raises OSError when nobody is at the other end."""
    line.send_bytes(_bytes_of(letter))


def receive(line: Connection) -> Any:
    """The next letter. Raises EOFError or OSError when the other end has gone."""
    return pickle.loads(line.recv_bytes())  # noqa: S301 - our own process wrote it


def _bytes_of(letter: Order | Batch | Answer) -> bytes:
    into = io.BytesIO()
    _Pickler(into, pickle.HIGHEST_PROTOCOL).dump(letter)
    return into.getvalue()


class _Pickler(pickle.Pickler):
    def reducer_override(self, one: Any) -> Any:
        # Their constructors take other things than the text they end up with.
        if isinstance(one, (LegacyError, StoreError)):
            return _again, (type(one), one.args, one.__dict__)
        return NotImplemented


def _again(kind: type[Exception], args: tuple[Any, ...], facts: dict[str, Any]) -> Exception:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(facts)
    return error
