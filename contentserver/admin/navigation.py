"""The sidebar: what belongs together stands together, and each sees what is open to them.

Pages that nobody sorted stand at the end, so that a new one is found.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from skold.admin.findings import open_findings

Item = dict[str, Any]
SEEN = "skold.view_auditrecord"
PAGES = {
    "dashboard": ("skold_auditrecord_dashboard", _("Overview"), "monitoring"),
    "people": ("skold_auditrecord_people", _("People & files"), "person_search"),
}
"""Pages of the audit that are no list: name, title, icon."""
STORIES = ("skold_auditrecord_file_story", "skold_auditrecord_person_story")
LISTED = {
    "skold.auditrecord": (_("Accesses"), "policy"),
    "skold.finding": (_("Findings"), "flag"),
    "skold.redaction": (_("Redactions"), "ink_eraser"),
    "skold.archivedmonth": (_("Archive"), "inventory_2"),
}
"""Lists that are called otherwise here than in their own title: title, icon."""
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        _("Audit"),
        (
            *("dashboard", "skold.auditrecord", "skold.finding", "people"),
            *("skold.redaction", "skold.archivedmonth"),
        ),
    ),
    (
        _("Files"),
        (
            *("contentserver.file", "contentserver.storedversion"),
            *("contentserver.uploadinprogress", "contentserver.collection"),
        ),
    ),
    (
        _("Who may what"),
        (
            *("skold.client", "skold.grant", "skold.apikey", "skold.urlkey"),
            *("skold.clientcertificate", "skold.tokenprovider", "skold.tokenclient"),
        ),
    ),
    (
        _("Moving in"),
        (
            *("migrator.source", "migrator.alarm", "migrator.recorderror", "migrator.difference"),
            *("migrator.verification", "migrator.cutover"),
        ),
    ),
    (
        _("Storage"),
        ("contentserver.storageroot", "contentserver.year", "contentserver.layoutrequest"),
    ),
    (_("People"), ("auth.user", "auth.group", "skold.totpdevice")),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's SIDEBAR.navigation; groups in which nothing is open to the person are left out."""
    shown = [(title, list(_items(request, names))) for title, names in GROUPS]
    sorted_out = {name for _title, names in GROUPS for name in names}
    others = [model._meta.label_lower for model in admin.site._registry]
    shown.append((_("More"), list(_items(request, (n for n in others if n not in sorted_out)))))
    return [
        {"title": title, "separator": number > 0, "items": items}
        for number, (title, items) in enumerate((t, i) for t, i in shown if i)
    ]


def _items(request: HttpRequest, names: Iterable[str]) -> Iterator[Item]:
    for name in names:
        item = _page(request, name) if name in PAGES else _list(request, name)
        if item is not None:
            yield item


def _page(request: HttpRequest, name: str) -> Item | None:
    url_name, title, icon = PAGES[name]
    if not request.user.has_perm(SEEN):
        return None
    named = {url_name, *(STORIES if name == "people" else ())}
    active = _is_any(named.__contains__)
    return {"title": title, "icon": icon, "link": reverse(f"admin:{url_name}"), "active": active}


def _list(request: HttpRequest, label: str) -> Item | None:
    """A model's list, if it is registered and the person may see it."""
    model = _find_model(label)
    page = admin.site._registry.get(model) if model is not None else None
    if model is None or page is None or not page.has_view_or_change_permission(request):
        return None
    title, icon = LISTED.get(label, (_capitalised(model), ""))
    name = label.replace(".", "_")
    others = {url_name for url_name, _title, _icon in PAGES.values()} | set(STORIES)
    item = {
        "title": title,
        "icon": icon,
        "link": reverse(f"admin:{name}_changelist"),
        "active": _is_any(lambda url: url.startswith(f"{name}_") and url not in others),
    }
    count = open_findings() if label == "skold.finding" else 0
    return {**item, "badge": str(count)} if count else item


def _is_any(fits: Callable[[str], bool]) -> Callable[[HttpRequest], bool]:
    def active(request: HttpRequest) -> bool:
        match = request.resolver_match
        return match is not None and fits(match.url_name or "")

    return active


def _find_model(label: str) -> type[Model] | None:
    try:
        return apps.get_model(label)
    except LookupError:
        return None


def _capitalised(model: type[Model]) -> str:
    name = str(model._meta.verbose_name_plural)
    return name[:1].upper() + name[1:]
