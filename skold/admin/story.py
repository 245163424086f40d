"""Stories: of one file, who did what with which version; of one person, who saw what is about them,
and what they saw themselves."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from skold import audit_words as words
from skold.admin.audit_list import join_halves
from skold.api.pagination import PlaceInvalidError
from skold.control import review_parts
from skold.control.review_parts import KnownFile
from skold.listing import conditions
from skold.listing.pages import AuditPage, SearchTooWide, read_page
from skold.models import AuditRecord
from skold.review import stories
from skold.review.stories import Sums
from skold.templatetags.skold_audit import file_url

PAGE = 50
FILES = 100
"""Files about a person that are shown; more are said to be left out."""
BEFORE = "before"


def file_story(request: HttpRequest) -> dict[str, Any] | None:
    """By `address`, or `collection` and `key`; None where they name nothing that can be a file."""
    parts = review_parts.get()
    collection = request.GET.get("collection", "").strip()
    key = request.GET.get("key", "").strip()
    address = request.GET.get("address", "").strip()
    if not address and collection and key:
        address = parts.address_of(collection, key) or ""
    if not is_address(address):
        return None
    known = parts.names_of([address]).get(address)
    page = _page(request, {"address": address})
    told = next((words.file_of(row, row) for row in page["rows"]), "")
    sums = stories.add_up_file(address)
    return {
        "address": address,
        "name": _name(known, collection, key) or told or address,
        "sums": sums,
        "stored": sums.stored,
        "seen": [(line, "") for line in sums.seen],
        **page,
        **_links({"address": address}),
    }


def person_story(request: HttpRequest) -> dict[str, Any] | None:
    """By `person`: as the end user of requests, and as the data subject of files."""
    person = request.GET.get("person", "").strip()
    if not person:
        return None
    parts = review_parts.get()
    files = list(parts.files_about(person, FILES + 1))
    names = {file.address: file for file in files[:FILES]}
    sums = stories.add_up_files(list(names)) if names else Sums()
    return {
        "person": person,
        "files": [(file, file_url(file.address)) for file in names.values()],
        "more_files": len(files) > FILES,
        "sums": sums,
        "seen": [(line, _name(names.get(line.address)) or line.address) for line in sums.seen],
        **_page(request, {"end_user": person}),
        **_links({"end_user": person}),
    }


def is_address(text: str) -> bool:
    """Whether this is a file's address as the audit writes it."""
    return len(text) == 32 and set(text) <= set("0123456789abcdef")


def _page(request: HttpRequest, asked: dict[str, str]) -> dict[str, Any]:
    """Requests for which one condition holds, as the list of accesses finds them."""
    rows = conditions.of_kind(AuditRecord.objects.all(), asked)
    for name, value in asked.items():
        rows = conditions.narrow(rows, name, value, asked)
    rows, lead = rows.defer("body"), conditions.lead_of(asked)
    before = request.GET.get(BEFORE) or None
    try:
        page = read_page(rows, size=PAGE, lead=lead, before=before)
    except PlaceInvalidError:
        page = read_page(rows, size=PAGE, lead=lead)
    except SearchTooWide:
        page = AuditPage([], None)
    join_halves(page.rows)
    return {
        "rows": page.rows,
        "older_url": _with(request, page.older) if page.older else None,
        "newest_url": _with(request, None) if before else None,
    }


def _with(request: HttpRequest, before: str | None) -> str:
    query = request.GET.copy()
    query.pop(BEFORE, None)
    if before:
        query[BEFORE] = before
    return f"?{query.urlencode()}"


def _links(query: dict[str, str]) -> dict[str, str]:
    text = urlencode(query)
    return {
        "list_url": f"{reverse('admin:skold_auditrecord_changelist')}?{text}",
        "export_url": f"{reverse('admin:skold_auditrecord_export')}?{text}",
    }


def _name(file: KnownFile | None, collection: str = "", key: str = "") -> str:
    if file is not None:
        return f"{file.collection} / {file.key}"
    return f"{collection} / {key}" if collection and key else ""
