"""Which versions of a source are still on their way into legacy."""

from collections.abc import Iterator

from contentserver.store.errors import Erased, NotStored
from contentserver.store.outbox import Entry
from contentserver.store.results import Unreadable, VersionInfo
from contentserver.store.store import Store
from migrator.legacy.description import Description
from migrator.legacy.keys import record_of
from migrator.models import Source
from migrator.published import BOX


def kept_box(source: str) -> str:
    """The outbox of what a source in mode disk keeps for the way back."""
    return f"{BOX}-{source}"


def count_waiting(store: Store, source: Source) -> int:
    """Entries not delivered, those not yet handed out to consumers among them. Entries of imports
    and of other sources are none. Raises StoreError.
    """
    description = Description.from_mapping(source.description)
    boxes = ("new", BOX, kept_box(source.name))
    return sum(1 for box in boxes for _entry in _iter_waiting(store, box, description))


def _iter_waiting(store: Store, box: str, description: Description) -> Iterator[Entry]:
    for entry in store.outbox.iter_entries(box):
        try:
            info = store.describe(entry)
        except NotStored:
            continue
        # One that does not open may belong to the source: it counts until somebody has looked.
        if isinstance(info, Unreadable):
            is_waiting = not isinstance(info.error, Erased)
        else:
            is_waiting = belongs(info, description)
        if is_waiting:
            yield entry


def belongs(info: VersionInfo, description: Description) -> bool:
    """Whether this version was written here, under a key of the source."""
    if info.imported or info.metadata.collection != description.collection:
        return False
    return record_of(description, info.metadata.key) is not None
