"""The content server as a Django file storage: `STORAGES`, FileField, ImageField (docs/clients.md).

The one package of the client that imports Django.
"""

from contentserver.client.django_storage.deferred import NotCommitted, StillStaged
from contentserver.client.django_storage.storage import ContentServerStorage

__all__ = ["ContentServerStorage", "NotCommitted", "StillStaged"]
