"""PostgreSQL's copy of the audit compared with the ledger on disk, and made again from it."""
