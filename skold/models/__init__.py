"""Principals, their credentials and grants, PostgreSQL's copy of the audit ledger, its review."""

from skold.models.audit import AuditRecord, LedgerMark
from skold.models.clients import OFFERED_ACTIONS, ActingFor, Action, Client, Grant
from skold.models.figures import ArchivedMonth, AuditHour, CredentialUse, KnownNetwork
from skold.models.identities import ClientCertificate, TokenClient, TokenProvider
from skold.models.keys import ApiKey, UrlKey
from skold.models.marks import ReviewMark
from skold.models.policy import PolicyState
from skold.models.review import Finding, Redaction, Review
from skold.models.second_factor import BackupCodes, LoginTrace, TotpDevice

__all__ = [
    "OFFERED_ACTIONS",
    "ActingFor",
    "Action",
    "ApiKey",
    "ArchivedMonth",
    "AuditHour",
    "AuditRecord",
    "BackupCodes",
    "Client",
    "ClientCertificate",
    "CredentialUse",
    "Finding",
    "Grant",
    "KnownNetwork",
    "LedgerMark",
    "LoginTrace",
    "PolicyState",
    "Redaction",
    "Review",
    "ReviewMark",
    "TokenClient",
    "TokenProvider",
    "TotpDevice",
    "UrlKey",
]
