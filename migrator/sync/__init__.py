"""Sync: legacy's files and changes to the disk, in slices that may end or be killed at any moment.

The disk says what was imported and the legacy database what is pending. What this keeps in the
control database are positions of long work, errors and figures; losing them loses no file.
"""
