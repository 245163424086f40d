"""Cells of the audit's list, which lead to the stories of the file and of the person."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

LINK = (
    '<a class="hover:text-primary-600 dark:hover:text-primary-500" style="overflow-wrap:anywhere"'
    ' href="{}?{}">{}</a>'
)
TEXT = '<span style="overflow-wrap:anywhere">{}</span>'

TWO_LINES = '<span class="block">{}</span><span class="block text-base-500">{}</span>'


def above(first: str, second: str) -> SafeString:
    """Two lines of a cell, without a template: a page has a hundred of them."""
    return format_html(TWO_LINES, first, second)


def file_story(row: Any, text: str) -> SafeString:
    """`text`, leading to all that happened to the file, if the access was to one."""
    if not row.address:
        return format_html(TEXT, text)
    return _link("file_story", {"address": row.address}, text)


def person_story(person: str) -> SafeString:
    """The person's name, leading to all that was done on their behalf."""
    return _link("person_story", {"end_user": person}, person)


def _link(page: str, search: dict[str, str], text: str) -> SafeString:
    return format_html(LINK, reverse(f"admin:skold_auditrecord_{page}"), urlencode(search), text)
