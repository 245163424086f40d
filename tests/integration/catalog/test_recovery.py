"""A commit that a dead process had begun is finished, listed and recorded."""

from collections.abc import Iterator

import pytest

from contentserver.catalog.models import File
from contentserver.operations.recovery import expire_uploads, recover_uploads
from contentserver.runtime import open_journal
from contentserver.store.metadata import Metadata
from skold.journal import Journal, JournalUnavailable
from tests.support.catalog import Library
from tests.support.records import records

pytestmark = pytest.mark.django_db


@pytest.fixture
def journal(library: Library) -> Iterator[Journal]:
    journal = open_journal(library.home.config)
    journal.start()
    yield journal
    journal.close()


def leave_complete(library: Library) -> None:
    """An upload with `commit=auto`, complete, whose process died before the commit."""
    metadata = Metadata(collection="photos", key="left", created_by="tester")
    with library.store.create_upload(
        actor="tester", metadata=metadata, length=3, commit_auto=True
    ) as upload:
        upload.write(b"abc")
        upload.end_part()


def test_it_finishes_the_commit_lists_it_and_records_who_began_it(
    library: Library, journal: Journal
) -> None:
    leave_complete(library)
    (recovered,) = recover_uploads(actor="bridge", store=library.store, journal=journal)
    library.carry()

    assert File.objects.get().key == "left"
    asked, done = records(library.home)[-2:]
    assert (asked["client"], asked["reason"], asked["plane"]) == ("tester", "recovered", "bridge")
    assert asked["address"] == library.store.address("photos", "left").hex()
    assert (done["ref"], done["status"], done["outcome"]) == (asked["n"], 201, "recovered")
    assert asked["version"] == done["version"] == str(recovered.receipt.version)


def test_a_second_look_finds_nothing_more_to_do(library: Library, journal: Journal) -> None:
    leave_complete(library)
    expire_uploads(actor="bridge", store=library.store, journal=journal)
    before = len(records(library.home))
    expire_uploads(actor="bridge", store=library.store, journal=journal)
    assert len(records(library.home)) == before


def test_what_cannot_be_recorded_is_an_error_that_the_loop_shows(
    library: Library, journal: Journal
) -> None:
    leave_complete(library)
    journal.close()
    with pytest.raises(JournalUnavailable):
        recover_uploads(actor="bridge", store=library.store, journal=journal)
