"""What a client does with the store, told step by step, and what must hold whatever broke it.

A scenario calls `tell` only after the store has answered; so what was told was acknowledged.
"""

import hashlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from contentserver.store import fileops
from contentserver.store.address import Version
from contentserver.store.errors import Deleted, NotStored, UploadUnknown
from contentserver.store.results import Receipt, receipt_of
from contentserver.store.store import Store
from tests.support.stores import COLLECTION, Clock, Machine, get, photo, put

UPLOAD = UUID("01900000-0000-7000-8000-000000000001")
FIRST, SECOND = b"first" * 1000, bytes(range(256)) * 1000
Tell = Callable[[str], None]
Scenario = Callable[[Store, Tell], None]


def create(store: Store, tell: Tell) -> None:
    """A PUT of a new file of an erasable subject."""
    tell(f"put {put(store, FIRST, data_subject='ana').version}")


def replace(store: Store, tell: Tell) -> None:
    """A second version beside a first that is there."""
    create(store, tell)
    tell(f"put {put(store, SECOND, data_subject='ana').version}")


def delete(store: Store, tell: Tell) -> None:
    """A file and its delete marker."""
    create(store, tell)
    tell(f"put {store.delete(COLLECTION, 'a/1.jpg', actor='t').version}")


def stage_whole(store: Store, tell: Tell) -> None:
    """An upload of one part, committed by a second request."""
    _stage(store, tell, [SECOND])


def stage_in_parts(store: Store, tell: Tell) -> None:
    """An upload of three parts, committed by another request."""
    _stage(store, tell, [SECOND[:1], SECOND[1:200_000], SECOND[200_000:]])


def stage_in_one_year_and_commit_in_the_next(store: Store, tell: Tell) -> None:
    """The new year lies on another root; the clock is the test's."""
    clock = store._environment.clock
    assert isinstance(clock, Clock)
    clock.set("2025-12-31T23:59:59")
    with store.create_upload(
        actor="t", metadata=photo(), length=len(SECOND), upload_id=UPLOAD
    ) as upload:
        upload.write(SECOND)
        tell(f"offset {upload.end_part()}")
        clock.set("2026-01-01T00:00:01")
        tell(f"put {upload.commit(actor='t').version}")


def _stage(store: Store, tell: Tell, parts: list[bytes]) -> None:
    with store.create_upload(
        actor="t", metadata=photo(), length=len(SECOND), upload_id=UPLOAD
    ) as upload:
        tell("offset 0")
        for part in parts:
            upload.write(part)
            tell(f"offset {upload.end_part()}")
    with store.open_upload(UPLOAD) as upload:
        tell(f"put {upload.commit(actor='t').version}")


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__: scenario
    for scenario in (create, replace, delete, stage_whole, stage_in_parts)
}


@dataclass
class Told:
    """What a client was told before everything broke."""

    versions: list[Version] = field(default_factory=list)
    offset: int | None = None
    keys: list[tuple[str, Version]] = field(default_factory=list)
    """Where the scenario says which key."""

    def __call__(self, line: str) -> None:
        what, value, *key = line.split()
        if what == "put":
            self.versions.append(Version.parse(value))
            self.keys += [(name, self.versions[-1]) for name in key]
        else:
            self.offset = int(value)


def run_and_kill(machine: Machine, scenario: Scenario, step: int) -> Told:
    """Run a scenario in a process that kills itself (-9) at its n-th step, from 0."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            fileops.step_hook = _Killer(step)
            scenario(machine.open(), lambda line: _write(write, line))
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        lines = pipe.read().splitlines()
    os.waitpid(child, 0)
    told = Told()
    for line in lines:
        told(line)
    return told


def _write(fd: int, line: str) -> None:
    os.write(fd, f"{line}\n".encode())


class _Killer:
    def __init__(self, step: int) -> None:
        self._left = step

    def __call__(self, name: str) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


def count_steps(machine: Machine, scenario: Scenario) -> list[str]:
    """Names of the steps of a scenario that nothing breaks."""
    names: list[str] = []
    fileops.step_hook = names.append
    scenario(machine.open(), lambda line: None)
    fileops.step_hook = None
    return names


def check(machine: Machine, told: Told, *, upload_may_fail: bool = False) -> None:
    """Nothing acknowledged is lost, nothing is half visible, there is no gap; before and after
    recovery.
    """
    store = machine.open()
    _check_versions(store, told)
    try:
        _check_upload(store, told)
    except UploadUnknown:
        assert upload_may_fail
        assert not told.versions
    store.recover()
    _check_versions(store, told)
    assert _bodies_in_staging(machine) == [], "recovery leaves no body of a dead request"
    _check_outbox(store)
    store.close()


def _check_versions(store: Store, told: Told) -> None:
    versions = store.list_versions(COLLECTION, "a/1.jpg")
    assert [one.version.number for one in versions] == list(range(1, len(versions) + 1))
    assert set(told.versions) <= {one.version for one in versions}
    for one in versions:
        if not one.deleted:
            body = get(store, version=one.version)
            assert hashlib.sha256(body).digest() == one.sha256
            assert body in {FIRST, SECOND}


def _check_upload(store: Store, told: Told) -> None:
    if told.offset is None:
        return
    if told.versions:
        receipt = store.find_receipt(UPLOAD)
        assert receipt is not None
        assert receipt.version == told.versions[0]
    with store.open_upload(UPLOAD, newer=False) as upload:
        assert upload.offset >= told.offset


def _check_outbox(store: Store) -> None:
    store.outbox.fan_out(["catalog"])
    fed = {(entry.address, entry.version) for entry in store.outbox.iter_entries("catalog")}
    stored = {(one.address, one.version) for one in store.iter_stored()}
    assert fed >= stored, "every version reaches the consumers"


def _bodies_in_staging(machine: Machine) -> list[str]:
    return [path.name for root in machine.roots() for path in root.glob("staging/*.put")]


def repeat(machine: Machine, scenario: Scenario, told: Told) -> None:
    """The client tries again until it is told: the same answer, and no version too many."""
    store = machine.open()
    if scenario not in {create, replace, delete}:
        receipt, most = _repeat_upload(store), 1
    elif scenario is delete:
        receipt, most = _repeat_delete(store), 2
    else:
        body, most = (FIRST, 1) if scenario is create else (SECOND, 2)
        receipt = put(store, body, data_subject="ana", same_bytes_ok=True)
        assert not (receipt.created and len(told.versions) == most), "a safe retry"
    versions = store.list_versions(COLLECTION, "a/1.jpg")
    assert len(versions) <= most
    assert versions[-1].version == receipt.version
    if len(told.versions) == most:
        assert receipt.version == told.versions[-1]
    store.close()


def _repeat_delete(store: Store) -> Receipt:
    try:
        return store.delete(COLLECTION, "a/1.jpg", actor="t")
    except NotStored:
        return put(store, FIRST, data_subject="ana")
    except Deleted:
        return receipt_of(store.list_versions(COLLECTION, "a/1.jpg")[-1])


def _repeat_upload(store: Store) -> Receipt:
    try:
        upload = store.open_upload(UPLOAD)
    except UploadUnknown:
        upload = store.create_upload(
            actor="t", metadata=photo(), length=len(SECOND), upload_id=UPLOAD
        )
    with upload:
        if upload.receipt is None:
            upload.write(SECOND[upload.offset :])
        return upload.commit(actor="t")
