"""The admin's pages of Sköld. Importing registers them."""

from skold.admin.audit import AuditRecordAdmin
from skold.admin.clients import ClientAdmin
from skold.admin.grants import GrantAdmin
from skold.admin.keys import ApiKeyAdmin, UrlKeyAdmin

__all__ = ["ApiKeyAdmin", "AuditRecordAdmin", "ClientAdmin", "GrantAdmin", "UrlKeyAdmin"]
