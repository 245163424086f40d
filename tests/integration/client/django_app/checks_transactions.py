"""`commit="on_commit"`: a file is committed when the transaction is. Django's own test runner runs
this (test_django_app.py starts it).
"""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.test import TestCase, TransactionTestCase

from contentserver.client.django_storage import NotCommitted, StillStaged
from contentserver.client.django_storage.deferred import find_waiting
from contentserver.client.errors import ClientError, NotFound, Unavailable
from tests.integration.client.django_app.letters.models import Contract
from tests.integration.client.storage_support import is_gone


class Undo(Exception):
    pass


@contextmanager
def rolled_back() -> Iterator[None]:
    with suppress(Undo), transaction.atomic():
        yield
        raise Undo


def text(content: bytes, name: str) -> "ContentFile[bytes]":
    return ContentFile(content, name=name)


def staged_url(name: str, alias: str = "two_stages") -> str:
    storage: Any = storages[alias]
    waiting = find_waiting(storage._place, name, "default")
    assert waiting is not None
    return str(waiting.upload.url)


def ends(url: str) -> bool:
    return is_gone(storages["two_stages"], url)


class TransactionsTest(TransactionTestCase):
    storage: Any

    def setUp(self) -> None:
        self.storage = storages["two_stages"]

    def versions(self, name: str) -> int:
        try:
            return len(self.storage.client.versions("photos", self.storage.key(name)))
        except NotFound:
            return 0

    def read(self, name: str) -> bytes:
        with self.storage.open(name) as file:
            content: bytes = file.read()
            return content

    def test_files_are_committed_when_the_transaction_is(self) -> None:
        with transaction.atomic():
            Contract.objects.create(text=text(b"text", "c1"), appendix=text(b"more", "c1a"))
            assert (self.versions("c1"), self.versions("c1a")) == (0, 0)
        assert (self.read("c1"), self.read("c1a")) == (b"text", b"more")

    def test_outside_of_a_transaction_a_file_is_committed_at_once(self) -> None:
        Contract.objects.create(text=text(b"now", "now"))
        assert self.read("now") == b"now"

    def test_a_rollback_deletes_the_upload(self) -> None:
        with rolled_back():
            Contract.objects.create(text=text(b"never", "never"))
            url = staged_url("never")
        assert self.versions("never") == 0
        assert ends(url)

    def test_a_savepoint_takes_its_own_files_with_it(self) -> None:
        with transaction.atomic():
            Contract.objects.create(text=text(b"kept", "kept"))
            with rolled_back():
                Contract.objects.create(text=text(b"dropped", "dropped"))
                url = staged_url("dropped")
            assert not self.storage.exists("dropped")
            with transaction.atomic():
                Contract.objects.create(text=text(b"inner", "inner"))
        assert ends(url)
        assert self.versions("dropped") == 0
        assert (self.read("kept"), self.read("inner")) == (b"kept", b"inner")

    def test_before_the_commit_a_file_is_there_but_cannot_be_read(self) -> None:
        Contract.objects.create(text=text(b"old", "seen"))
        with transaction.atomic():
            Contract.objects.create(text=text(b"new one", "seen"))
            assert self.storage.exists("seen")
            assert self.storage.size("seen") == 7
            for look in (self.storage.open, self.storage.get_modified_time):
                with pytest.raises(StillStaged, match="after the commit"):
                    look("seen")
        assert self.read("seen") == b"new one"
        assert self.versions("seen") == 2

    def test_a_deletion_waits_as_well(self) -> None:
        contract = Contract.objects.create(text=text(b"stays", "stays"))
        with rolled_back():
            contract.text.delete()
            assert not self.storage.exists("stays")
            with pytest.raises(FileNotFoundError):
                self.storage.open("stays")
        assert self.read("stays") == b"stays"
        with transaction.atomic():
            self.storage.delete("stays")
        assert not self.storage.exists("stays")

    def test_changes_of_one_name_happen_in_their_order(self) -> None:
        with transaction.atomic():
            for content in (b"1", b"2"):
                self.storage.save("order", ContentFile(content))
            self.storage.delete("order")
            self.storage.save("order", ContentFile(b"3"))
        assert (self.read("order"), self.versions("order")) == (b"3", 4)

    def test_without_overwrite_two_transactions_never_meet_in_a_name(self) -> None:
        with transaction.atomic():
            first = Contract.objects.create(other=text(b"1", "x.txt"))
            second = Contract.objects.create(other=text(b"2", "x.txt"))
        assert "x.txt" not in {first.other.name, second.other.name}
        found = [Contract.objects.get(pk=each.pk).other.read() for each in (first, second)]
        assert found == [b"1", b"2"]

    def test_files_written_by_open_wait_too(self) -> None:
        with transaction.atomic():
            with self.storage.open("written", "wb") as file:
                file.write(b"written")
            assert self.versions("written") == 0
        assert self.read("written") == b"written"

    def test_what_fails_after_the_commit_keeps_its_upload_and_stops_no_other(self) -> None:
        with pytest.raises(NotCommitted) as raised:
            self._commit_one_that_fails()
        url = raised.value.failed[0][0].upload.url
        assert f"fails ({url})" in str(raised.value)
        assert self.read("fine") == b"fine"
        assert self.versions("fails") == 0
        del raised
        gc.collect()
        time.sleep(0.3)  # time for whoever deletes abandoned uploads
        self.storage.client.upload(url).commit()
        assert self.read("fails") == b"fails"

    def test_files_are_committed_before_any_other_hook(self) -> None:
        seen: list[bytes] = []
        with transaction.atomic():
            transaction.on_commit(lambda: seen.append(self.read("early")))
            Contract.objects.create(text=text(b"early", "early"))
            transaction.on_commit(lambda: seen.append(self.read("early")))
        assert seen == [b"early", b"early"]

    def test_a_hook_that_fails_costs_no_file(self) -> None:
        with pytest.raises(Undo):
            self._commit_behind_a_hook_that_fails()
        gc.collect()
        assert self.read("behind") == b"behind"

    @transaction.atomic
    def _commit_behind_a_hook_that_fails(self) -> None:
        def fail() -> None:
            raise Undo

        with rolled_back():
            transaction.on_commit(fail)
            Contract.objects.create(text=text(b"dropped", "dropped-behind"))
        transaction.on_commit(fail)
        Contract.objects.create(text=text(b"behind", "behind"))

    @transaction.atomic
    def _commit_one_that_fails(self) -> None:
        for name in ("fails", "fine"):
            Contract.objects.create(text=text(name.encode(), name))
        waiting = find_waiting(self.storage._place, "fails", "default")
        assert waiting is not None
        waiting._act = self._fail

    def _fail(self) -> None:
        error: ClientError = Unavailable("the server cannot be reached now")
        raise error


class InATestCaseTest(TestCase):
    def test_captured_hooks_commit_the_files(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            Contract.objects.create(text=text(b"captured", "captured"))
        assert storages["two_stages"].open("captured").read() == b"captured"
