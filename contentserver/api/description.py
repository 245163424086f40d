"""The OpenAPI document of both planes: how it is put together (SPECTACULAR_SETTINGS)."""

from typing import Any

from drf_spectacular.generators import SchemaGenerator


def document() -> dict[str, Any]:
    """The whole description, as /api/v1/schema/ serves and `manage.py spectacular` prints it."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    result: dict[str, Any] = generator.get_schema(public=True)  # type: ignore[no-untyped-call]
    return result
