"""Offsets of staged uploads, under any order of writes, ends, breaks, kills and commits."""

import tempfile
from pathlib import Path
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contentserver.store.errors import NotStored, TooLarge
from contentserver.store.results import Receipt
from contentserver.store.store import Store
from contentserver.store.upload import Upload
from tests.support.stores import Machine, get, make_machine, photo

ALL = bytes(range(251)) * 4000
SIZES = st.one_of(st.integers(0, 300), st.integers(130_900, 131_200), st.integers(0, 400_000))


class StagedUpload(RuleBasedStateMachine):
    """A model of one upload: what arrived, what of it was acknowledged, whether it stands."""

    @initialize(length=SIZES)
    def create(self, length: int) -> None:
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm")
        self.machine: Machine = make_machine(Path(self.folder.name))
        self.store: Store = self.machine.open()
        self.length = length
        self.body = b""
        self.acknowledged = 0
        self.receipt: Receipt | None = None
        self.upload: Upload = self.store.create_upload(actor="t", metadata=photo(), length=length)
        self.id: UUID = self.upload.id

    @rule(size=SIZES)
    def write(self, size: int) -> None:
        data = ALL[len(self.body) :][:size]
        if self.receipt is not None or len(self.body) + len(data) > self.length:
            try:
                self.upload.write(data)
            except TooLarge:
                return
            raise AssertionError("more than announced was taken")
        self.upload.write(data)
        self.body += data

    @rule()
    def end_part(self) -> None:
        assert self.upload.end_part() == len(self.body)
        self.acknowledged = len(self.body)

    @rule()
    def abort_part(self) -> None:
        self.upload.abort_part()
        self.body = self.body[: self.acknowledged]

    @rule()
    def another_request(self) -> None:
        """The request ends; what it had sent is kept."""
        self.upload.close()
        self.upload = self.store.open_upload(self.id)
        self.acknowledged = len(self.body)

    @rule(torn=st.integers(0, 200_000))
    def another_process_after_a_kill(self, torn: int) -> None:
        """The process dies: what it had not acknowledged may be kept, from the first byte on."""
        parts = Path(self.folder.name).glob("root-1/staging/*/part.*")
        open_part = max(parts, key=lambda path: int(path.suffix[1:]), default=None)
        if open_part is not None and len(self.body) > self.acknowledged:
            size = open_part.stat().st_size
            if size > torn:
                with open_part.open("r+b") as file:
                    file.truncate(size - torn)
        _die(self.upload)
        self.store = self.machine.open()
        self.upload = self.store.open_upload(self.id)
        assert self.acknowledged <= self.upload.offset <= len(self.body)
        self.body = self.body[: self.upload.offset]
        self.acknowledged = self.upload.offset

    @precondition(lambda self: len(self.body) == self.length)
    @rule()
    def commit(self) -> None:
        receipt = self.upload.commit(actor="t")
        assert self.receipt in {None, receipt}
        self.receipt = receipt
        self.acknowledged = len(self.body)

    @invariant()
    def offsets_are_what_arrived(self) -> None:
        if hasattr(self, "upload"):
            assert self.upload.offset == len(self.body)
            assert self.upload.length == self.length

    @invariant()
    def the_file_is_there_whole_or_not_at_all(self) -> None:
        if not hasattr(self, "store"):
            return
        try:
            found = get(self.store)
        except NotStored:
            assert self.receipt is None
        else:
            assert self.receipt is not None
            assert found == self.body == ALL[: self.length]

    def teardown(self) -> None:
        if hasattr(self, "upload"):
            self.upload.close()
            self.store.close()
            self.folder.cleanup()


def _die(upload: Upload) -> None:
    """What the kernel does for a killed process: descriptors go, nothing else is done."""
    upload._writer = None
    upload._stage.close()


TestStagedUpload = StagedUpload.TestCase
TestStagedUpload.settings = settings(
    max_examples=60, stateful_step_count=15, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
