"""How the OpenAPI document names our credential."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class GateAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """API keys travel as bearer tokens."""

    target_class = "skold.api.authentication.GateAuthentication"
    name = "apiKey"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, Any]:
        """The scheme's entry in the document."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "skd_<id>_<secret>"}
