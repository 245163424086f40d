"""What a legacy record becomes in a file's metadata."""

from collections.abc import Callable
from urllib.parse import quote

from contentserver.store.metadata import Metadata
from contentserver.store.times import to_rfc3339
from migrator.legacy.description import Description, RecordId
from migrator.legacy.errors import ImplausibleTime, LegacyError
from migrator.legacy.records import LegacyRecord

SubjectOf = Callable[[str, str | None], str | None]
"""(key, the legacy record's data subject) to the data subject that files of this key depend on;
None where the collection is not erasable; ValueError where one is needed and not named.
"""


class NoDataSubject(LegacyError):
    """The collection erases by a data subject that the legacy record does not name."""

    name = "no_data_subject"
    way_out = "Name the column with the data subject in the description, or fill it in."


def source_text(name: str, record_id: RecordId) -> str:
    """Where a version came from, as its metadata say it: `photos:17,3`."""
    return f"{name}:" + ",".join(quote(value, safe="") for value in record_id)


def metadata_of(
    description: Description, record: LegacyRecord, subject_of: SubjectOf, actor: str
) -> Metadata:
    """Raises ImplausibleTime, NoDataSubject, and BadMetadata for what a file's metadata cannot
    carry.
    """
    if record.implausible_time is not None:
        raise ImplausibleTime(record.implausible_time)
    try:
        subject = subject_of(record.key, record.data_subject)
    except ValueError:
        raise NoDataSubject("the record names no data subject") from None
    changed = record.changed_at_ns
    return Metadata(
        collection=description.collection,
        key=record.key,
        media_type=record.media_type,
        filename=record.filename or None,
        created_by=actor,
        on_behalf_of=record.owner or None,
        data_subject=subject,
        original_time=None if changed is None else to_rfc3339(changed),
        source=source_text(description.name, record.id),
    )
