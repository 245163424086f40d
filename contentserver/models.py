"""Where Django looks for this app's models; they are written in contentserver.catalog."""

from contentserver.catalog.models import (
    Change,
    ChangeFeed,
    Collection,
    File,
    LayoutRequest,
    PublishedLayout,
    RebuildMark,
    StorageRoot,
    StoredVersion,
    Year,
)
from contentserver.catalog.staged import UploadInProgress

__all__ = [
    "Change",
    "ChangeFeed",
    "Collection",
    "File",
    "LayoutRequest",
    "PublishedLayout",
    "RebuildMark",
    "StorageRoot",
    "StoredVersion",
    "UploadInProgress",
    "Year",
]
