"""Principals, their credentials and grants, and PostgreSQL's copy of the audit ledger."""

from skold.models.audit import AuditRecord, LedgerMark
from skold.models.clients import OFFERED_ACTIONS, ActingFor, Action, Client, Grant
from skold.models.keys import ApiKey, UrlKey
from skold.models.policy import PolicyState

__all__ = [
    "OFFERED_ACTIONS",
    "ActingFor",
    "Action",
    "ApiKey",
    "AuditRecord",
    "Client",
    "Grant",
    "LedgerMark",
    "PolicyState",
    "UrlKey",
]
