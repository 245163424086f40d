"""Addresses of the control plane. The data plane's (`/v1/`, health, metrics) never reach Django."""

from typing import Any

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView


class FaviconView(RedirectView):
    """To the icon under its name of the day: browsers ask here where no page links one."""

    def get_redirect_url(self, *_args: Any, **_kwargs: Any) -> str:
        return static("contentserver/favicon.svg")


urlpatterns = [
    path("favicon.ico", FaviconView.as_view()),
    path("", RedirectView.as_view(pattern_name="admin:index", permanent=False)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("contentserver.api.urls")),
]
