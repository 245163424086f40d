"""Checkpoints leave the machine: what somebody else holds, nobody here can rewrite.

Each hour the newest checkpoint of the ledger goes to every place the operator has named. Whoever
later forges the ledger would have to forge those as well. No Django, no PostgreSQL.
"""
