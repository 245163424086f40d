"""Power cuts: writers on a loop device whose file system is shut down at a random moment.

`python -m tests.crash.power_cut --trials 200` needs root. FS_IOC_SHUTDOWN with the flag "no log
flush" leaves on the image what a power cut would leave: nothing that was not asked to be durable.
After mounting it again, everything a writer was told must be there, and nothing damaged visible.
"""

import argparse
import fcntl
import hashlib
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from contentserver.store import fileops
from contentserver.store.errors import StoreError
from contentserver.store.results import Receipt, VersionInfo
from contentserver.store.store import Store
from tests.support.imports import bring, make_importing_machine
from tests.support.stores import COLLECTION, Machine, photo

_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, struct.pack("I", 2)
_SIZES = {"ext4": 128 << 20, "xfs": 400 << 20}
_WRITERS = 4


@dataclass
class Outcome:
    """What one cut left."""

    told: int = 0
    stored: int = 0
    lost: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


class Image:
    """A file system in a file."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.mountpoint = folder / "mount"
        self.mountpoint.mkdir()
        self._image = folder / "image"
        with self._image.open("wb") as file:
            file.truncate(_SIZES[kind])
        force = ["-F"] if kind == "ext4" else ["-f"]
        subprocess.run([f"mkfs.{kind}", "-q", *force, str(self._image)], check=True)

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        subprocess.run(["mount", "-o", "loop", self._image, self.mountpoint], check=True)
        try:
            yield self.mountpoint
        finally:
            subprocess.run(["umount", self.mountpoint], check=True)

    def cut(self) -> None:
        """The power goes."""
        fd = os.open(self.mountpoint, os.O_RDONLY)
        fcntl.ioctl(fd, _SHUTDOWN, _NO_LOG_FLUSH)
        os.close(fd)


@dataclass(frozen=True)
class Trial:
    """How to write. `without` names steps whose flush the writers leave out.

    With `puts`, one writer is told of so many PUTs, stops, and the power goes at once: the last of
    them had no later flush to carry it along. With `imports` they are imported in one batch.
    """

    writers: int = _WRITERS
    without: Sequence[str] = ()
    puts: int = 0
    imports: int = 0

    @property
    def told(self) -> int:
        """How many answers to wait for before the cut."""
        return self.puts or self.imports or 1


def run_trial(kind: str, seed: int, trial: Trial) -> Outcome:
    """One file system, one cut."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        image = Image(kind, Path(folder))
        with image.mounted() as mountpoint:
            _in_child(lambda: bool(make_importing_machine(mountpoint / "machine")))
            os.sync()
            told = _write_until_the_cut(image, Machine(mountpoint / "machine"), chance, trial)
        with image.mounted():
            machine = Machine(mountpoint / "machine")
            return Outcome(**_in_child(lambda: asdict(_compare(machine, told))))


def _in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns, done by a process whose end closes every file of the mount."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with os.fdopen(write, "w") as pipe:
                json.dump(work(), pipe)
        except Exception:  # noqa: BLE001 - the parent sees no answer
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return json.loads(answer)


def _write_until_the_cut(
    image: Image, machine: Machine, chance: random.Random, trial: Trial
) -> list[dict[str, Any]]:
    read, write = os.pipe()
    children = [_fork(machine, chance.random(), write, trial) for _ in range(trial.writers)]
    os.close(write)
    with os.fdopen(read) as pipe:
        lines = [pipe.readline() for _ in range(trial.told)]
        if not (trial.puts or trial.imports):
            time.sleep(chance.uniform(0, 0.5))
        image.cut()
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        return [json.loads(line) for line in (*lines, *pipe)]


def _fork(machine: Machine, seed: float, pipe: int, trial: Trial) -> int:
    child = os.fork()
    if child == 0:
        try:
            _leave_out(trial.without)
            with suppress(StoreError, OSError):
                _write(machine.open(), random.Random(seed), pipe, trial)
        finally:
            os._exit(0)
    return child


def _leave_out(steps: Sequence[str]) -> None:
    really = fileops.fsync_file

    def fsync_file(fd: int, step: str = "sync_file") -> None:
        if step not in steps:
            really(fd, step)

    really_together = fileops.sync_together

    def sync_together(fd: int, step: str) -> None:
        if step not in steps:
            really_together(fd, step)

    fileops.fsync_file = fsync_file
    fileops.sync_together = sync_together


def _write(store: Store, chance: random.Random, pipe: int, trial: Trial) -> None:
    """Commits and imports of all kinds, to keys of its own and to keys that others write too."""

    def tell(**facts: Any) -> None:
        os.write(pipe, (json.dumps(facts) + "\n").encode())

    for _ in range(trial.puts):
        _put(store, uuid4().hex, chance.randbytes(1000), chance, tell)
    if trial.imports:
        _import(store, [uuid4().hex for _ in range(trial.imports)], chance, tell)
    while trial.puts or trial.imports:
        signal.pause()
    while True:
        if chance.random() < 0.1:
            keys = [f"shared/{number}" for number in range(chance.randrange(8))]
            keys += [uuid4().hex for _ in range(chance.randrange(1, 12))]
            _import(store, keys, chance, tell)
        key = f"shared/{chance.randrange(8)}" if chance.random() < 0.3 else uuid4().hex
        body = chance.randbytes(chance.choice([0, 100, 65536, 131_017, 300_000]))
        if chance.random() < 0.7:
            _put(store, key, body, chance, tell)
        else:
            _upload(store, key, body, chance, tell)


def _put(store: Store, key: str, body: bytes, chance: random.Random, tell: Any) -> None:
    subject = chance.choice([None, key[:100]])
    with store.create_upload(
        actor="t", metadata=photo(key, data_subject=subject), length=len(body), direct=True
    ) as upload:
        upload.write(body)
        upload.end_part()
        receipt = upload.commit(actor="t")
    tell(key=key, version=str(receipt.version), sha256=receipt.sha256.hex())
    if len(body) > 1000 and chance.random() < 0.2 and not key.startswith("shared"):
        tell(key=key, version=str(store.delete(COLLECTION, key, actor="t").version))


def _import(store: Store, keys: Sequence[str], chance: random.Random, tell: Any) -> None:
    """A batch into an earlier year, or beside what others have put."""
    bodies = {key: chance.randbytes(chance.choice([100, 65536, 200_000])) for key in keys}
    own_subjects = chance.random() < 0.5
    for key, result in zip(keys, bring(store, bodies, own_subjects=own_subjects), strict=True):
        if isinstance(result, Receipt):
            tell(key=key, version=str(result.version), sha256=result.sha256.hex())


def _upload(store: Store, key: str, body: bytes, chance: random.Random, tell: Any) -> None:
    with store.create_upload(actor="t", metadata=photo(key), length=len(body)) as upload:
        tell(upload=str(upload.id), offset=0)
        while upload.offset < len(body):
            upload.write(body[upload.offset :][: chance.randrange(1, 200_000)])
            tell(upload=str(upload.id), offset=upload.end_part())
        receipt = upload.commit(actor="t")
        tell(upload=str(upload.id), version=str(receipt.version))
        tell(key=key, version=str(receipt.version), sha256=receipt.sha256.hex())


def _compare(machine: Machine, told: list[dict[str, Any]]) -> Outcome:
    outcome = Outcome(told=len(told))
    store = machine.open()
    for _ in range(2):  # as the readers meet it, and after recovery
        there = _read_all(store, outcome)
        for facts in told:
            _look_for(store, facts, there, outcome)
        store.recover()
    _look_at_outbox(store, there, outcome)
    outcome.stored = len(there)
    store.close()
    return outcome


Found = dict[tuple[str, str], str]


def _read_all(store: Store, outcome: Outcome) -> Found:
    """Every visible version opens, whole, and numbers have no gap."""
    there: Found = {}
    numbers: dict[tuple[bytes, int], list[int]] = {}
    for one in store.iter_stored():
        if not isinstance(one, VersionInfo):
            outcome.damaged.append(f"{one.address.hex()}.{one.version}: {one.error}")
            continue
        key = one.metadata.key
        there[key, str(one.version)] = one.sha256.hex()
        numbers.setdefault((one.address, one.version.year), []).append(one.version.number)
        if not one.deleted:
            _read_one(store, one, outcome)
    for (address, year), found in numbers.items():
        if sorted(found) != list(range(1, len(found) + 1)):
            outcome.damaged.append(f"gap at {address.hex()} in {year}: {found}")
    return there


def _read_one(store: Store, one: VersionInfo, outcome: Outcome) -> None:
    try:
        with store.open_latest(COLLECTION, one.metadata.key, version=one.version) as stored:
            body = stored.read(0, stored.size)
        if hashlib.sha256(body).digest() != one.sha256:
            outcome.damaged.append(f"{one.metadata.key} {one.version}: other bytes")
    except StoreError as error:
        outcome.damaged.append(f"{one.metadata.key} {one.version}: {error}")


def _look_for(store: Store, facts: dict[str, Any], there: Found, outcome: Outcome) -> None:
    if "key" in facts:
        found = there.get((facts["key"], facts["version"]))
        if found is None or facts.get("sha256", found) != found:
            outcome.lost.append(f"{facts['key']} {facts['version']}")
        return
    try:
        with store.open_upload(UUID(facts["upload"])) as upload:
            if upload.receipt is None and upload.offset < facts.get("offset", 0):
                outcome.lost.append(f"upload {facts}: stands at {upload.offset}")
            if "version" in facts and (
                upload.receipt is None or str(upload.receipt.version) != facts["version"]
            ):
                outcome.lost.append(f"receipt {facts}")
    except StoreError as error:
        outcome.lost.append(f"upload {facts}: {error}")


def _look_at_outbox(store: Store, there: Found, outcome: Outcome) -> None:
    fed = set()
    for entry in store.outbox.iter_entries("new"):
        info = store.describe(entry)
        if isinstance(info, VersionInfo):
            fed.add((info.metadata.key, str(info.version)))
    outcome.lost.extend(f"outbox {key} {version}" for key, version in there.keys() - fed)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=200, help="cuts for each file system")
    parser.add_argument("--seed", type=int, default=time.time_ns())
    parser.add_argument("--kinds", nargs="+", default=list(_SIZES), choices=list(_SIZES))
    parser.add_argument("--writers", type=int, default=_WRITERS)
    parser.add_argument("--without", nargs="*", default=[], help="steps to leave out, to see red")
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}")
    failed = 0
    for kind in chosen.kinds:
        failed += _run_trials(kind, chosen)
    return 1 if failed else 0


def _run_trials(kind: str, chosen: argparse.Namespace) -> int:
    told = stored = failed = 0
    for number in range(chosen.trials):
        trial = Trial(chosen.writers, chosen.without)
        outcome = run_trial(kind, chosen.seed + number, trial)
        told, stored = told + outcome.told, stored + outcome.stored
        for problem in [*outcome.lost, *outcome.damaged]:
            print(f"{kind} trial {number} (seed {chosen.seed + number}): {problem}")
        failed += bool(outcome.lost or outcome.damaged)
    print(
        f"{kind}: {chosen.trials} power cuts, {told} answers told, {stored} versions stored,"
        f" {failed} cuts with something lost or damaged"
    )
    return failed


if __name__ == "__main__":
    sys.exit(main())
