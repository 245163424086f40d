"""Pages of what is only shown: nobody adds, changes or deletes it by hand."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest


class ShownOnly:
    """Before a ModelAdmin or an inline of one."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


def get_shown(admin: ModelAdmin[Any], request: HttpRequest, object_id: str) -> Any:
    """The row whose page this is. Raises PermissionDenied, Http404."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    found = admin.get_object(request, object_id)
    if found is None:
        raise Http404
    return found
