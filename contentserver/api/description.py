"""The OpenAPI document of both planes: how it is put together."""

from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings

from skold.api import schema as _credentials  # noqa: F401 - importing it names our credential

DESCRIPTION: dict[str, Any] = {
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "contentserver.api.data_plane_openapi.merge_data_plane",
    ],
    "TAGS": [
        {"name": "operation", "description": "Health and figures, without a credential."},
    ],
}


def document() -> dict[str, Any]:
    """The whole description, as /api/v1/schema/ serves it."""
    with patched_settings(DESCRIPTION):
        generator = SchemaGenerator()  # type: ignore[no-untyped-call]
        result: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return result
