"""The admin's pages of Sköld. Importing registers them."""

from skold.admin.audit import AuditRecordAdmin
from skold.admin.certificates import CertificateAdmin
from skold.admin.clients import ClientAdmin
from skold.admin.findings import FindingAdmin
from skold.admin.grants import GrantAdmin
from skold.admin.keys import ApiKeyAdmin, UrlKeyAdmin
from skold.admin.redactions import ArchivedMonthAdmin, RedactionAdmin
from skold.admin.second_factors import TotpDeviceAdmin
from skold.admin.token_providers import TokenClientAdmin, TokenProviderAdmin

__all__ = [
    "ApiKeyAdmin",
    "ArchivedMonthAdmin",
    "AuditRecordAdmin",
    "CertificateAdmin",
    "ClientAdmin",
    "FindingAdmin",
    "GrantAdmin",
    "RedactionAdmin",
    "TokenClientAdmin",
    "TokenProviderAdmin",
    "TotpDeviceAdmin",
    "UrlKeyAdmin",
]
