"""Where Django looks for this app's models; they are written in contentserver.catalog.models."""

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
    "Year",
]
