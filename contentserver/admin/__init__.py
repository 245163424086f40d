"""The admin's pages of the catalog. Importing registers them.

What the disk says is read only here; the rules of collections are edited, and the layout is asked
for: the bridge, which holds the signing key, answers.
"""

from contentserver.admin.collections import CollectionAdmin
from contentserver.admin.files import FileAdmin, StoredVersionAdmin
from contentserver.admin.layout import LayoutRequestAdmin, StorageRootAdmin, YearAdmin
from contentserver.admin.people import GroupAdmin, UserAdmin
from contentserver.admin.uploads import UploadInProgressAdmin

__all__ = [
    "CollectionAdmin",
    "FileAdmin",
    "GroupAdmin",
    "LayoutRequestAdmin",
    "StorageRootAdmin",
    "StoredVersionAdmin",
    "UploadInProgressAdmin",
    "UserAdmin",
    "YearAdmin",
]
