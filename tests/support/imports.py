"""Imports as an importer does them, for tests of the store."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from contentserver.store.errors import StoreError
from contentserver.store.import_draft import ImportDraft
from contentserver.store.results import Receipt
from contentserver.store.store import Store
from tests.support.stores import COLLECTION, Machine, make_machine, photo

YEARS = {
    "2019": [("root-1", "importing")],
    "2025": [("root-1", "open")],
    "2026": [("root-1", "open")],
}
IN_2019 = "2019-05-01T10:00:00.000000Z"


def make_importing_machine(
    folder: Path, years: Mapping[str, list[tuple[str, str]]] | None = None
) -> Machine:
    """A machine whose year 2019 takes imports."""
    years = years or YEARS
    machine = make_machine(folder, years)
    for year, places in years.items():
        for root, state in places:
            if state != "open":
                (folder / root / year).mkdir(mode=0o750)
    return machine


def draft(store: Store, key: str, body: bytes, **facts: Any) -> ImportDraft:
    """A file read from the source after what stands was noted."""
    facts = {"original_time": IN_2019, "source": f"old:{key}"} | facts
    begun = store.imports.begin(photo(key, **facts), store.imports.note(COLLECTION, key))
    begun.write(body)
    return begun


def bring(
    store: Store, bodies: Mapping[str, bytes], *, own_subjects: bool = False, **facts: Any
) -> list[Receipt | StoreError]:
    """A batch: a result for each key; nothing of it stays if one cannot be begun. With
    `own_subjects` each key is a data subject.
    """
    with ExitStack() as begun:
        drafts = []
        for key, body in bodies.items():
            subject = {"data_subject": key} if own_subjects else {}
            drafts.append(begun.enter_context(draft(store, key, body, **facts, **subject)))
        return store.imports.commit(drafts)


def bring_one(store: Store, key: str, body: bytes, **facts: Any) -> Receipt:
    (result,) = bring(store, {key: body}, **facts)
    if isinstance(result, StoreError):
        raise result
    return result
