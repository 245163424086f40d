"""Addresses of the old system."""

from django.urls import path

from benchmarks.legacy.views import photo, store

urlpatterns = [path("photo", photo), path("store/<path:name>", store)]
