"""Addresses below /api/v1/. No address ends in a slash but the two of the description."""

from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from contentserver.api.changes import ChangesView
from contentserver.api.collections import CollectionViewSet
from contentserver.api.files import FileViewSet
from contentserver.api.layout import RootViewSet, YearViewSet
from contentserver.api.nowhere import NowhereView
from contentserver.api.signed_urls import SignedUrlsView
from contentserver.api.uploads import UploadViewSet
from skold.api import schema as _credentials  # noqa: F401 - importing it names our credential
from skold.api.guard import GuardedRouter
from skold.api.routes import router_entries

router = GuardedRouter(trailing_slash=False)
router.register("collections", CollectionViewSet, "collection")
router.register("files", FileViewSet, "file")
router.register("years", YearViewSet, "year")
router.register("roots", RootViewSet, "root")
router.register("uploads", UploadViewSet, "upload")
for entry in router_entries:
    router.register(*entry)

urlpatterns = [
    path("", include(router.urls)),
    path("changes", ChangesView.as_view(), name="changes"),
    path("signed-urls", SignedUrlsView.as_view(), name="signed-urls"),
    # The description holds nothing that is not in the public documentation.
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
    re_path("", NowhereView.as_view(), name="nowhere"),
]
