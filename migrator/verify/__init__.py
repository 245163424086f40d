"""Comparing a source with the disk in both directions, by SHA-256 of the content."""
