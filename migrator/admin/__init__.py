"""The admin's pages of the migrator. Importing registers them."""

from migrator.admin.cutovers import CutOverAdmin
from migrator.admin.findings import (
    AlarmAdmin,
    DifferenceAdmin,
    RecordErrorAdmin,
    VerificationAdmin,
)
from migrator.admin.sources import SourceAdmin

__all__ = [
    "AlarmAdmin",
    "CutOverAdmin",
    "DifferenceAdmin",
    "RecordErrorAdmin",
    "SourceAdmin",
    "VerificationAdmin",
]
