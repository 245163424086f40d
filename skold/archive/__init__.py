"""Months of the audit that leave PostgreSQL for a verified file, and come back to be read."""
