"""Everything that `legacy_check` looks at: the legacy database, and what lies on this side of it.

A finding of level error must be put right before the source is moved on.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from django.utils.translation import gettext as _

from contentserver.catalog.models import Collection, File, StoredVersion, Year
from contentserver.conf import Config
from contentserver.protocol.media_types import matches
from migrator.legacy.address import AddressMissing, AddressOpen, Purpose, address_of
from migrator.legacy.appended import OLDEST
from migrator.legacy.capture import status
from migrator.legacy.check import check, check_capture
from migrator.legacy.figures import SOME, count_by_year, count_larger, media_types
from migrator.legacy.findings import Finding
from migrator.legacy.keys import record_of
from migrator.legacy.shape import Shape, SourceUnfit, column_types, load_shape
from migrator.legacy.snapshots import connect
from migrator.models import Source
from migrator.services.sources import get_description
from migrator.sync.trouble import sentence


class Checking:
    """One look at one source. Changes nothing."""

    def __init__(self, source: Source, config: Config) -> None:
        self._source = source
        self._config = config
        self._description = get_description(source)

    def findings(self) -> list[Finding]:
        """In the order in which one would look. Raises DescriptionInvalid, django.db.Error."""
        found = [*self._own()]
        try:
            with self._connect("read") as reader:
                found += check(reader, self._description)
                found += self._of_tables(reader)
                found += self._of_capture(reader)
        except (AddressMissing, AddressOpen) as error:
            found.append(Finding("error", "address", str(error)))
        except psycopg.Error as error:
            found.append(Finding("error", "no_answer", sentence(error)))
        return found

    # -- this side --------------------------------------------------------------------------------

    def _own(self) -> Iterator[Finding]:
        collection = Collection.objects.filter(pk=self._description.collection).first()
        if collection is None:
            text = _("the collection %(name)s is not there") % {
                "name": self._description.collection
            }
            yield Finding("error", "no_collection", text, _("Create it."))
            return
        if collection.erasure == "field" and self._description.records.data_subject is None:
            yield Finding(
                "error", "no_data_subject",
                _("the collection is erased by a data subject that no column names"),
                _("Name the column in the description, or choose another rule of erasure."),
            )  # fmt: skip
        if collection.media_types and not matches(
            self._description.media_type, tuple(collection.media_types)
        ):
            yield Finding(
                "warning", "media_type_of_collection",
                _("the collection takes no %(type)s, which files without a type become")
                % {"type": self._description.media_type},
                _("Name another media_type in the description, or add it to the collection."),
            )  # fmt: skip
        yield from self._keys_taken()

    def _keys_taken(self) -> Iterator[Finding]:
        """Of the first files alone: later, most of millions are this source's own."""
        files = File.objects.filter(collection=self._description.collection, deleted=False)
        page = list(files.order_by("key").values_list("pk", "key")[:SOME])
        ours = set(
            StoredVersion.objects.filter(
                file__in=[pk for pk, _key in page], source__startswith=f"{self._source.name}:"
            ).values_list("file_id", flat=True)
        )
        for pk, key in page:
            if pk not in ours and record_of(self._description, key) is not None:
                text = _("%(key)s is stored already and did not come from this source")
                way_out = _("Use a collection of its own, or another beginning or end of the keys.")
                yield Finding("warning", "key_taken", text % {"key": key}, way_out)
                return

    # -- the tables -------------------------------------------------------------------------------

    def _of_tables(self, reader: psycopg.Connection[Any]) -> Iterator[Finding]:
        try:
            shape = load_shape(reader, self._description)
            yield from self._years(reader, shape)
            yield from self._rules(reader)
        except (SourceUnfit, psycopg.errors.InsufficientPrivilege):
            return  # said by the check of the tables

    def _years(self, reader: psycopg.Connection[Any], shape: Shape) -> Iterator[Finding]:
        """Years at the institution, as the store counts them."""
        zone = self._config.time_zone.key
        rows = count_by_year(reader, self._description, shape, zone)
        states = dict(Year.objects.values_list("year", "state"))
        for year, count in rows:
            state = states.get(year)
            if state in {Year.State.OPEN, Year.State.IMPORTING}:
                continue
            facts = {"count": count, "year": year}
            if state is None:
                text = _("%(count)s records are of %(year)s, which is not in the layout")
                way_out = _("manage.py open_year %(year)s --importing") % facts
            else:
                text = _("%(count)s records are of %(year)s, which takes nothing any more")
                way_out = _("What is sealed stays so: these records cannot be imported.")
            yield Finding("error", "year_not_open", text % facts, way_out)

    def _rules(self, reader: psycopg.Connection[Any]) -> Iterator[Finding]:
        collection = Collection.objects.filter(pk=self._description.collection).first()
        if collection is not None and collection.max_size is not None:
            limit = collection.max_size
            if count := count_larger(reader, self._description, limit):
                text = _("%(count)s records are larger than the collection takes (%(limit)s bytes)")
                way_out = _("They are imported; raise the limit so that clients can change them.")
                facts = {"count": count, "limit": limit}
                yield Finding("warning", "larger_than_collection", text % facts, way_out)
        if collection is not None and collection.media_types:
            accepted = tuple(collection.media_types)
            found = media_types(reader, self._description)
            if refused := [kind for kind in found if not matches(kind, accepted)]:
                text = _("the collection takes no %(types)s, which records have")
                way_out = _("They are imported; add the types so that clients can change them.")
                some = {"types": ", ".join(refused[:5])}
                yield Finding("warning", "media_types_of_collection", text % some, way_out)

    # -- how changes are found --------------------------------------------------------------------

    def _of_capture(self, reader: psycopg.Connection[Any]) -> Iterator[Finding]:
        kind = self._source.capture
        if kind == Source.Capture.TRIGGERS:
            yield from self._of_triggers(reader)
        elif kind == Source.Capture.XID:
            yield from self._of_xid(reader)
        if kind != Source.Capture.TRIGGERS or self._description.content.kind == "large_object":
            text = _("changes are found by comparison or not at once; hybrid needs triggers on all")
            way_out = _("From shadow it goes directly to writeback, with its writers stopped.")
            yield Finding("note", "stays_in_shadow", text, way_out)

    def _of_triggers(self, reader: psycopg.Connection[Any]) -> Iterator[Finding]:
        if status(reader, self._description).is_complete:
            yield Finding("note", "capture_installed", _("every change is logged"))
            return
        try:
            with self._connect("capture") as owner:
                yield from check_capture(owner, self._description)
        except psycopg.OperationalError as error:
            yield Finding("error", "no_answer", sentence(error))
        text = _("changes are not logged yet, or not by this role to be read")
        way_out = _("manage.py legacy_capture install %(name)s") % {"name": self._source.name}
        yield Finding("warning", "capture_absent", text, way_out)

    def _of_xid(self, reader: psycopg.Connection[Any]) -> Iterator[Finding]:
        if reader.info.server_version < OLDEST:
            text = _("capture by xid needs PostgreSQL 13")
            yield Finding("error", "xid_version", text, _("Use triggers or comparison."))
        types = column_types(reader, self._description.records.table)
        if types.get(self._source.xid_column) != "xid8":
            text = _("there is no column %(name)s of type xid8") % {"name": self._source.xid_column}
            way_out = _("Add one with DEFAULT pg_current_xact_id() and an index, or use triggers.")
            yield Finding("error", "xid_column", text, way_out)

    def _connect(self, purpose: Purpose) -> psycopg.Connection[Any]:
        address = address_of(self._source.name, purpose, self._config.home)
        return connect(address, application="contentserver check")


def is_fit(found: list[Finding]) -> bool:
    """Whether nothing has to be put right first."""
    return all(finding.level != "error" for finding in found)
