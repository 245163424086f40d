"""How many audit records a second become durable, how many the ledger numbers and PostgreSQL takes,
beside what bare loops of the same bytes do.
"""
