"""From what somebody asks for to the checklist of one step."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import psycopg

from contentserver.store.store import Store
from migrator.cutover.facts import Facts, Limits
from migrator.cutover.gates import Gate, horizon
from migrator.cutover.legacy_facts import LegacyFacts, Say, legacy_facts
from migrator.cutover.snapshot import is_captured, take_snapshot
from migrator.cutover.steps import (
    FINAL,
    ask_legacy,
    checks_of,
    gates_of,
    next_mode,
    previous_mode,
)
from migrator.legacy.description import Description
from migrator.models import Source


@dataclass(frozen=True, slots=True)
class Wanted:
    """`to` None: the next mode, or with `back` the one before."""

    to: str | None = None
    final: bool = False
    back: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """One step with all it was judged by. `to` is a mode, or FINAL."""

    to: str
    facts: Facts
    gates: list[Gate]

    @property
    def is_open(self) -> bool:
        return all(gate.passed for gate in self.gates)


@dataclass(frozen=True, slots=True)
class Preparer:
    """`connect` gives a connection to the legacy database, in autocommit; it is asked only where a
    gate needs an answer from there. `patience` with transactions in legacy, in seconds."""

    store: Store
    connect: Callable[[], psycopg.Connection[Any]]
    limits: Limits
    patience: float = 60.0
    say: Say = lambda _: None

    def prepare(self, source: Source, wanted: Wanted) -> Prepared:
        """Raises NoSuchStep, AddressMissing, psycopg.Error, StoreError, django.db.Error."""
        captured = is_captured(source)
        to = target_of(source, wanted)
        checks = checks_of(source.mode, to, captured=captured, final=source.final)
        legacy = LegacyFacts()
        if ask_legacy(checks):
            description = Description.from_mapping(source.description)
            patience = self.patience if horizon in checks else 0.0
            with closing(self.connect()) as connection:
                legacy = legacy_facts(connection, description, patience=patience, say=self.say)
        facts = take_snapshot(source, self.limits, store=self.store, legacy=legacy)
        return Prepared(to, facts, gates_of(checks, facts, self.limits))


def target_of(source: Source, wanted: Wanted) -> str:
    """A mode, or FINAL. Raises NoSuchStep."""
    captured = is_captured(source)
    if wanted.back:
        return previous_mode(source.mode, captured=captured, final=source.final)
    if wanted.final:
        return FINAL
    return wanted.to or next_mode(source.mode, captured=captured, final=source.final)
