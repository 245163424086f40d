"""Addresses of the control plane. The data plane's (`/v1/`, health, metrics) never reach Django."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index", permanent=False)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("contentserver.api.urls")),
]
