"""The Python client of the content server (docs/clients.md). Needs httpx, and nothing else of this
package.

Client blocks, AsyncClient is awaited; both have the same methods. Errors are those of `errors`.
"""

from contentserver.client import errors
from contentserver.client.awaited import AsyncClient, AsyncDownload, AsyncRemoteFile, AsyncUpload
from contentserver.client.sync import Client, Download, RemoteFile, Upload
from contentserver.client.values import (
    Change,
    FileEntry,
    FileInfo,
    Head,
    Progress,
    Stored,
    VersionInfo,
)

__all__ = [
    "AsyncClient",
    "AsyncDownload",
    "AsyncRemoteFile",
    "AsyncUpload",
    "Change",
    "Client",
    "Download",
    "FileEntry",
    "FileInfo",
    "Head",
    "Progress",
    "RemoteFile",
    "Stored",
    "Upload",
    "VersionInfo",
    "errors",
]
