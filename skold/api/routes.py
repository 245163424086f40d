"""What the project registers under /api/v1: `for entry in router_entries:
router.register(*entry)`."""

from typing import Any

from rest_framework.viewsets import GenericViewSet

from skold.api.audit import AuditViewSet
from skold.api.audit_export import AuditExportViewSet
from skold.api.findings import FindingViewSet
from skold.api.identities import CertificateViewSet, TokenClientViewSet, TokenProviderViewSet
from skold.api.redactions import RedactionViewSet
from skold.api.simulation import PolicyViewSet
from skold.api.tree import AuditTreeViewSet
from skold.api.views import ApiKeyViewSet, ClientViewSet, GrantViewSet, UrlKeyViewSet

router_entries: list[tuple[str, type[GenericViewSet[Any]], str]] = [
    ("clients", ClientViewSet, "client"),
    ("keys", ApiKeyViewSet, "api-key"),
    ("url-keys", UrlKeyViewSet, "url-key"),
    ("certificates", CertificateViewSet, "certificate"),
    ("token-providers", TokenProviderViewSet, "token-provider"),
    ("token-clients", TokenClientViewSet, "token-client"),
    ("grants", GrantViewSet, "grant"),
    ("policy", PolicyViewSet, "policy"),
    ("audit", AuditViewSet, "audit"),
    ("findings", FindingViewSet, "finding"),
    ("audit", AuditTreeViewSet, "audit-tree"),
    ("redactions", RedactionViewSet, "redaction"),
    ("audit", AuditExportViewSet, "audit-export"),
]
"""(prefix, viewset, basename)."""
