"""Years and storage roots as the disk has them, and what people ask of the layout."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from contentserver.admin.lists import ReadOnlyAdmin
from contentserver.admin.words import moment, size
from contentserver.catalog.models import LayoutRequest, StorageRoot, Year
from contentserver.operations.layout import FIRST_YEAR
from contentserver.operations.layout_sync import request_year
from skold.admin.actors import actor_of
from skold.admin.decorators import action, display

STATES = {"open": "success", "importing": "info", "sealed": "warning", "moving": "danger"}


@admin.register(Year)
class YearAdmin(ReadOnlyAdmin):
    list_display = ["year", "root", "takes", "layout_number"]
    list_filter = ["state"]
    actions_list = ["open_year", "import_year"]

    @display(description=_("state"), label=STATES)
    def takes(self, year: Year) -> tuple[str, str]:
        return year.state, year.get_state_display()

    def has_open_year_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("contentserver.add_layoutrequest"))

    @action(description=_("Open a year"), icon="add", url_path="open", permissions=["open_year"])
    def open_year(self, _request: HttpRequest) -> HttpResponse:
        """To the form of a request."""
        return _to_form(LayoutRequest.Kind.OPEN_YEAR)

    @action(
        description=_("Open an earlier year for imports"),
        icon="history",
        url_path="import",
        permissions=["open_year"],
    )
    def import_year(self, _request: HttpRequest) -> HttpResponse:
        """To the same form, with the other request chosen."""
        return _to_form(LayoutRequest.Kind.IMPORT_YEAR)


def _to_form(kind: str) -> HttpResponse:
    form = reverse("admin:contentserver_layoutrequest_add")
    return HttpResponseRedirect(f"{form}?{urlencode({'kind': kind})}")


@admin.register(StorageRoot)
class StorageRootAdmin(ReadOnlyAdmin):
    sortable_by: list[str] = []
    list_display = ["name", "node", "there", "used", "room", "seen"]

    @display(description=_("state"), label={"there": "success", "missing": "danger"})
    def there(self, root: StorageRoot) -> tuple[str, str]:
        return ("there", str(_("there"))) if root.present else ("missing", str(_("missing")))

    @display(description=_("used"))
    def used(self, root: StorageRoot) -> SafeString | str:
        if not root.total_bytes:
            return "—"
        percent = round(100 * (1 - root.free_bytes / root.total_bytes))
        return bar(percent, "bg-red-500" if percent > 90 else "bg-primary-600")

    @display(description=_("free"))
    def room(self, root: StorageRoot) -> str:
        return str(_("%(free)s of %(total)s")) % {
            "free": size(root.free_bytes),
            "total": size(root.total_bytes),
        }

    @display(description=_("seen"))
    def seen(self, root: StorageRoot) -> SafeString:
        return moment(root.seen_at)


_BAR = (
    '<span class="flex items-center gap-2"><span class="whitespace-nowrap">{} %</span>'
    '<span class="block h-2 w-32 rounded bg-base-200 dark:bg-base-700">'
    '<span class="block h-2 rounded {}" style="width:{}%"></span></span></span>'
)


def bar(percent: int, colour: str = "bg-primary-600") -> SafeString:
    """A number of percent, drawn as well."""
    return format_html(_BAR, percent, colour, percent)


class OpenYearForm(forms.ModelForm):  # type: ignore[type-arg]
    """This year, the next, or an earlier one for imports, on one of the roots that are there."""

    class Meta:
        model = LayoutRequest
        fields = ["kind", "year", "root"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "root" not in self.fields:
            return
        this_year = timezone.localdate().year
        importing = self.initial.get("kind") == LayoutRequest.Kind.IMPORT_YEAR
        here = StorageRoot.objects.filter(node=settings.CONFIG.node, present=True)
        names = [(name, name) for name in here.values_list("name", flat=True)]
        self.fields["root"] = forms.ChoiceField(
            label=_("Storage root"), choices=names, widget=UnfoldAdminSelectWidget
        )
        self.fields["year"] = forms.IntegerField(
            label=_("Year"),
            min_value=FIRST_YEAR,
            max_value=this_year + 1,
            initial=this_year - 1 if importing else this_year + 1,
            widget=UnfoldAdminIntegerFieldWidget,
            help_text=_(
                "To open: the current year or the next. For imports: an earlier one, which then "
                "takes files from a legacy database and no commits."
            ),
        )

    def clean(self) -> dict[str, Any]:
        """The same limits the bridge holds a request to, said before it is sent."""
        given = super().clean() or self.cleaned_data
        kind, year, now = given.get("kind"), given.get("year"), timezone.localdate().year
        if year is not None and kind == LayoutRequest.Kind.IMPORT_YEAR and year >= now:
            self.add_error("year", _("Only an earlier year can be opened for imports."))
        if year is not None and kind == LayoutRequest.Kind.OPEN_YEAR and year < now:
            self.add_error("year", _("An earlier year can be opened for imports only."))
        return given


@admin.register(LayoutRequest)
class LayoutRequestAdmin(ModelAdmin):  # type: ignore[misc]
    """Asked here, answered by the bridge within a second."""

    form = OpenYearForm
    list_display = ["kind", "year", "root", "requested_by", "requested_at", "answer"]
    list_display_links = None
    show_full_result_count = False
    actions = None
    fields = ["kind", "year", "root"]

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002 - Django's signature
        """As the person who is signed in; the row is the service's."""
        given = form.cleaned_data
        made = request_year(
            actor=actor_of(request),
            year=given["year"],
            root=given["root"],
            importing=given["kind"] == LayoutRequest.Kind.IMPORT_YEAR,
        )
        obj.__dict__.update(made.__dict__)

    @display(
        description=_("answer"), label={"done": "success", "refused": "danger", "open": "warning"}
    )
    def answer(self, request: LayoutRequest) -> tuple[str, str]:
        if request.refusal:
            return "refused", request.refusal
        if request.answered_at is None:
            return "open", str(_("not answered yet"))
        return "done", str(_("done in layout %(number)s")) % {"number": request.layout_number}
