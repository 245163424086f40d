"""Exports of the audit log for people who trust nobody: each carries what proves it."""

from skold.exporting.selection import Selection
from skold.exporting.service import (
    ExportError,
    ExportOptions,
    ExportSummary,
    export_to_path,
    stream_zip,
)

__all__ = [
    "ExportError",
    "ExportOptions",
    "ExportSummary",
    "Selection",
    "export_to_path",
    "stream_zip",
]
