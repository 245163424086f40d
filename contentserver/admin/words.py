"""Facts as people read them."""

import datetime as dt
from collections.abc import Mapping

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from skold.admin import badges

LINK = "text-primary-600 dark:text-primary-500"


def plain(time: dt.datetime) -> str:
    """`2026-11-23 18:00:12`, in the institution's time zone."""
    return timezone.localtime(time).strftime("%Y-%m-%d %H:%M:%S")


def moment(time: dt.datetime) -> SafeString:
    """As `plain`, on one line."""
    return format_html('<span class="whitespace-nowrap">{}</span>', plain(time))


def size(count: int) -> str:
    """`64.0 KB`."""
    return filesizeformat(count).replace("\N{NO-BREAK SPACE}", " ")


def link(url: str, text: object) -> SafeString:
    return format_html('<a class="{}" href="{}">{}</a>', LINK, url, text)


def mono(text: object) -> SafeString:
    """An address or digest, which may break anywhere."""
    pattern = '<span class="font-mono text-xs" style="overflow-wrap:anywhere">{}</span>'
    return format_html(pattern, text)


def badge(value: str, text: str, shades: Mapping[str, str]) -> SafeString:
    """The coloured label that lists show, for a page of one object."""
    return badges.badge(shades.get(value, ""), text)
