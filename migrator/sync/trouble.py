"""Why a slice could not go on, in a sentence for the operator. Never with an address in it."""

import psycopg
from django.utils.translation import gettext as _

from contentserver.catalog.models import Collection
from contentserver.store.errors import StoreError
from migrator.legacy.address import AddressMissing, AddressOpen
from migrator.legacy.appended import Unsupported
from migrator.legacy.mapping import DescriptionInvalid
from migrator.legacy.shape import SourceUnfit
from migrator.sync.crew import ProcessEnded
from skold.journal import JournalUnavailable


class NotCaptured(Exception):
    """The triggers that tell of changes are not there, or not all of them."""

    def __init__(self, source: str) -> None:
        text = _(
            "What changes in the legacy database is not captured: install the triggers with "
            "manage.py legacy_capture install %(name)s"
        )
        super().__init__(text % {"name": source})


class NothingWorks(Exception):
    """Record after record fails; the next slice tries some more."""

    def __init__(self, count: int, last: str) -> None:
        text = _(
            "%(count)s records in a row cannot be imported, the last: %(last)s. Compare the "
            "description with the tables: manage.py legacy_check"
        )
        super().__init__(text % {"count": count, "last": last})


SPEAKING = (
    NotCaptured, NothingWorks, ProcessEnded, AddressMissing, AddressOpen, Unsupported, SourceUnfit,
    DescriptionInvalid, StoreError, JournalUnavailable,
)  # fmt: skip
"""Their own text is the sentence."""


def is_known(error: Exception) -> bool:
    """Whether it says that something outside of this program has to be done."""
    return isinstance(error, (*SPEAKING, psycopg.Error, Collection.DoesNotExist))


def sentence(error: Exception) -> str:
    """At most 500 characters."""
    return _sentence(error)[:500]


def _sentence(error: Exception) -> str:
    if isinstance(error, SPEAKING):
        return str(error)
    if isinstance(error, Collection.DoesNotExist):
        return _("The source's collection is not there any more. Create it again.")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        text = _("The legacy database refuses: %(text)s. See manage.py legacy_check.")
        return text % {"text": _first_line(error)}
    if isinstance(error, psycopg.OperationalError):
        text = _("The legacy database does not answer: %(text)s")
        return text % {"text": _first_line(error)}
    if isinstance(error, psycopg.Error) and error.sqlstate:
        text = _("The legacy database refuses: %(text)s")
        return text % {"text": _first_line(error)}
    # A connection string that cannot be read stands in the text of its error, password and all.
    return _("Unexpected: %(kind)s; the log has the details.") % {"kind": type(error).__name__}


def _first_line(error: psycopg.Error) -> str:
    return (error.diag.message_primary or str(error)).strip().split("\n")[0]
