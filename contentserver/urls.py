"""Addresses of the control plane. The data plane's (`/v1/`, health, metrics) never reach Django."""

import importlib.util

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index", permanent=False)),
    path("admin/", admin.site.urls),
]
if importlib.util.find_spec("contentserver.api.urls"):
    urlpatterns.append(path("api/v1/", include("contentserver.api.urls")))
