"""Both sides at rest, file by file, and what was on disk on the way there."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from contentserver.store.errors import Deleted, NotStored
from contentserver.store.store import Store
from tests.support.draining.application import Held, held
from tests.support.draining.contents import read
from tests.support.draining.drain import Drain
from tests.support.draining.ledger import SOURCES


@dataclass
class Findings:
    """`missed`: files that differ at the end. `wrong`: versions that never were, or came after a
    newer one.
    """

    files: int = 0
    versions: int = 0
    missed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def compare(drain: Drain) -> Findings:
    findings = Findings()
    never = drain.rolled_back()
    with drain.opened_store() as store:
        for source in SOURCES:
            there = drain.application.held(source)
            for record in range(drain.ledger.records):
                _compare(findings, store, source, record, there.get(record))
                findings.wrong += _wrong(findings, store, source, record, never)
    return findings


def _compare(
    findings: Findings, store: Store, source: str, record: int, there: Held | None
) -> None:
    findings.files += there is not None
    here = _latest(store, source, record)
    mine = (source, record)
    if here != there or (there and (there.state.source, there.state.record) != mine):
        findings.missed.append(f"{source} {record}: here {here}, in legacy {there}")


def _latest(store: Store, source: str, record: int) -> Held | None:
    try:
        with store.open_latest(source, f"{record}.jpg") as file:
            metadata = file.info().metadata
            return held(metadata.filename, metadata.media_type, file.read(0, file.size))
    except (Deleted, NotStored):
        return None


def _wrong(
    findings: Findings, store: Store, source: str, record: int, never: set[str]
) -> Iterator[str]:
    """Versions are only ever states that were committed, each at least as new as the one before."""
    newest = 0
    for version in store.list_versions(source, f"{record}.jpg"):
        findings.versions += 1
        if version.deleted:
            continue
        with store.open_latest(source, f"{record}.jpg", version=version.version) as file:
            state = read(file.read(0, file.size))
        if state.token in never:
            yield f"{state} in {version.version} was rolled back"
        if state.number < newest:
            yield f"{state} in {version.version} came after {newest}"
        newest = state.number
