"""What every part of the storage uses: its options, its client, its keys, its transaction."""

from django.core.files.storage import Storage

from contentserver.client import Client
from contentserver.client.django_storage import deferred, names
from contentserver.client.django_storage.deferred import Waiting
from contentserver.client.django_storage.options import Options
from contentserver.client.django_storage.pool import pool


class Base(Storage):
    """What ContentServerStorage is put together on."""

    _options: Options

    @property
    def client(self) -> Client:
        """The process's client, for what a storage has no method for. Raises
        ImproperlyConfigured.
        """
        return pool.client(self._options.server)

    def key(self, name: str) -> str:
        """The key of a name. Raises SuspiciousFileOperation for one that no file can have."""
        return names.key_of(self._options.folder, name)

    def _for_whom(self) -> str | None:
        return self._options.current_end_user()

    def _defers(self) -> bool:
        options = self._options
        return options.commit == "on_commit" and deferred.defers(options.database)

    @property
    def _place(self) -> object:
        return (self._options.server, self._options.collection, self._options.folder)

    def _waiting(self, name: str) -> Waiting | None:
        if not self._defers():
            return None
        return deferred.find_waiting(self._place, names.clean(name), self._options.database)
