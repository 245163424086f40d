"""Opening years ahead of time. The bridge does it; here it is only asked to."""

import datetime as dt

from contentserver.catalog.models import LayoutRequest, Year
from contentserver.operations.layout_sync import request_year

DECEMBER = 12


def request_next_year(*, actor: str, today: dt.date) -> str:
    """Ask for the year after `today`'s on the root that takes this year's commits.

    Does nothing before December, or when the year is there or asked for already. Never opens the
    year that has begun: a clock that is wrong by a year must not open one.
    Returns what was done, for the log.
    """
    wanted = today.year + 1
    if today.month != DECEMBER:
        return f"not before December of {today.year}"
    if Year.objects.filter(year=wanted).exists():
        return f"{wanted} is in the layout"
    if LayoutRequest.objects.filter(year=wanted, answered_at=None).exists():
        return f"{wanted} was asked for"
    current = Year.objects.filter(year=today.year, state="open").first()
    if current is None:
        return f"{today.year} is open on no storage root; use manage.py open_year"
    request_year(actor=actor, year=wanted, root=current.root)
    return f"asked for {wanted} on {current.root}"
