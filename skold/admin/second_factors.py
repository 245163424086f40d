"""Second factors of people: who has one, and the way back for who has lost it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as now_
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from skold.admin.actors import actor_of, name_made
from skold.admin.decorators import action, display
from skold.admin.shown import ShownOnly
from skold.login import second_factor
from skold.models import BackupCodes, TotpDevice


@admin.register(TotpDevice)
class TotpDeviceAdmin(ShownOnly, ModelAdmin):  # type: ignore[misc]
    """Each person sets up their own; others can only reset it."""

    list_display = ["user", "confirmed", "created_at", "last_used_at", "codes_left"]
    list_filter = ["confirmed"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = list_display
    readonly_fields = list_display
    actions_detail = ["reset"]
    actions = None

    def has_reset_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """With a permission of its own, and never one's own: whoever stole a session would."""
        own = object_id and TotpDevice.objects.filter(pk=object_id, user=request.user.pk).exists()
        return not own and bool(request.user.has_perm("skold.reset_second_factor"))

    @display(description=_("backup codes left"))
    def codes_left(self, device: TotpDevice) -> int:
        found = BackupCodes.objects.filter(user=device.user).first()
        return len(found.hashes) if found else 0

    @action(description=_("Reset"), icon="restart_alt", permissions=["reset"], variant="danger")
    def reset(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then let the person enrol anew."""
        device = self.get_object(request, object_id)
        if device is None:
            return HttpResponse(status=404)
        if not self.has_reset_permission(request, object_id):
            raise PermissionDenied
        back = reverse("admin:skold_totpdevice_changelist")
        if request.method == "POST":
            second_factor.reset(actor=actor_of(request), user=device.user)
            name_made(request, device.user)
            messages.success(request, now_("Reset. At the next login an app is set up anew."))
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": now_("Reset this second factor?"),
            "opts": self.opts,
            "device": device,
            "back": back,
        }
        return TemplateResponse(request, "admin/skold/reset_second_factor.html", context)
