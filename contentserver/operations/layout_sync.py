"""The layout between disk and database: requests in, the file's facts out to the tables."""

import datetime as dt
import logging
from collections.abc import Callable, Collection

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from contentserver.catalog.models import LayoutRequest, PublishedLayout, Year
from contentserver.operations.layout import (
    LayoutPublisher,
    LayoutRefused,
    with_importing_year,
    with_year,
)
from contentserver.store.errors import StoreError
from skold.signed import Document

log = logging.getLogger(__name__)


class LayoutSync:
    """One step of the bridge's layout loop; safe to repeat from any point it broke off at."""

    def __init__(
        self,
        publisher: LayoutPublisher,
        *,
        roots: Callable[[], Collection[str]],
        today: Callable[[], dt.date],
        ensure_year_key: Callable[[int], None],
        make_folder: Callable[[int, str], None],
    ) -> None:
        """`roots`: names of this node's storage roots; `today`: the date at the institution.

        `ensure_year_key` gives a year a key if it has none, durably: a key reaches every reader
        before the layout lets a writer use it. `make_folder` makes a year's folder on a root,
        durably: readers ask for the folder of a year that takes no commits.
        """
        self._publisher = publisher
        self._roots = roots
        self._today = today
        self._ensure_year_key = ensure_year_key
        self._make_folder = make_folder

    def step(self) -> bool:
        """File into database, then the oldest request answered. True if there was one."""
        document = self._publisher.read()
        self._copy(document)
        request = LayoutRequest.objects.filter(answered_at=None).order_by("id").first()
        if request is None:
            return False
        self._answer(request, document)
        return True

    def _answer(self, request: LayoutRequest, document: Document) -> None:
        try:
            document = self._published(request, document)
        except (LayoutRefused, StoreError) as refusal:
            request.refusal = str(refusal)[:500]
        else:
            self._copy(document)
            request.layout_number = document.number
        request.answered_at = timezone.now()
        request.save(update_fields=["answered_at", "layout_number", "refusal"])

    def _published(self, request: LayoutRequest, document: Document) -> Document:
        """The layout that has what was asked: the one in force, or a new one. Raises LayoutRefused;
        StoreError if the folder cannot be made.
        """
        importing = request.kind == LayoutRequest.Kind.IMPORT_YEAR
        change = with_importing_year if importing else with_year
        payload = change(
            document.payload, request.year, request.root, roots=self._roots(), today=self._today()
        )
        if payload == document.payload:
            return document
        self._ensure_year_key(request.year)
        if importing:
            self._make_folder(request.year, request.root)
        document = self._publisher.publish(payload, above=_highest())
        log.info("layout_published", extra={"number": document.number})
        return document

    def _copy(self, document: Document) -> None:
        """Make the tables say what the file says.

        A year keeps the number since which it lies where it lies and takes what it takes.
        """
        wanted = {
            (int(year), place["root"]): place["state"]
            for year, places in document.payload["years"].items()
            for place in places
        }
        rows = Year.objects.values_list("year", "root", "state", "layout_number")
        present = {(year, root): (state, number) for year, root, state, number in rows}
        recorded = PublishedLayout.objects.filter(number=document.number).exists()
        if recorded and {place: state for place, (state, _) in present.items()} == wanted:
            return
        with transaction.atomic():
            PublishedLayout.objects.update_or_create(
                number=document.number,
                defaults={
                    "payload": document.payload,
                    "issued_at": dt.datetime.fromtimestamp(document.issued_at, dt.UTC),
                },
            )
            Year.objects.all().delete()
            Year.objects.bulk_create(
                Year(
                    year=year,
                    root=root,
                    state=state,
                    layout_number=_since(present.get((year, root)), state, document.number),
                )
                for (year, root), state in wanted.items()
            )


def _since(present: tuple[str, int] | None, state: str, number: int) -> int:
    """The layout since which a place has this state; never above `number`, the one in force."""
    return min(present[1], number) if present is not None and present[0] == state else number


def _highest() -> int:
    highest = PublishedLayout.objects.aggregate(highest=Max("number"))["highest"]
    return highest or 0


def request_year(*, actor: str, year: int, root: str, importing: bool = False) -> LayoutRequest:
    """Ask the bridge to open a year on a storage root, or an earlier one for imports only; it
    answers within a second when it runs.
    """
    kind = LayoutRequest.Kind.IMPORT_YEAR if importing else LayoutRequest.Kind.OPEN_YEAR
    return LayoutRequest.objects.create(kind=kind, year=year, root=root, requested_by=actor[:150])
