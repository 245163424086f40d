"""ContentServerStorage: Django's storage API on the content server."""

from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.utils.deconstruct import deconstructible

from contentserver.client.django_storage import content as contents
from contentserver.client.django_storage import names
from contentserver.client.django_storage.files import ReadFile, WriteFile
from contentserver.client.django_storage.naming import ATTEMPTS, Names
from contentserver.client.django_storage.options import Options
from contentserver.client.django_storage.reading import Reads
from contentserver.client.django_storage.writing import Writes
from contentserver.client.errors import PreconditionFailed


@deconstructible(path="contentserver.client.django_storage.ContentServerStorage")
class ContentServerStorage(Names, Reads, Writes):
    """Files of one collection, under their names behind a prefix. Options: docs/clients.md.

    Without `overwrite` a name that is taken is never written to again by `save`, as Django
    promises. With it the next version is stored under the same name. Deleted names are free.
    """

    def __init__(self, **options: Any) -> None:
        self._options = Options.of(options)

    def __repr__(self) -> str:
        return f"<ContentServerStorage {self._options.collection}/{self._options.folder}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContentServerStorage) and self._options == other._options

    def __hash__(self) -> int:
        return hash((self._options.collection, self._options.folder))

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        """`r` and `rb` read the latest version; `w` and `wb` make the next when they are closed."""
        if mode in {"r", "rt", "rb"}:
            return ReadFile(self, names.clean(name), mode)
        if mode in {"w", "wt", "wb"}:
            return WriteFile(self, names.clean(name), mode)
        raise ValueError(f"mode {mode!r}: versions never change; read ('rb') and write anew ('wb')")

    def _save(self, name: str, content: Any) -> str:
        name = names.clean(name)
        for _ in range(ATTEMPTS):
            try:
                self._store(name, content, create=not self._options.overwrite)
            except PreconditionFailed as taken:
                if self._options.overwrite or not contents.rewindable(content):
                    raise
                if taken.answer_lost and self._is_stored(name, content):
                    return name
                # Somebody took the name since get_available_name, or it may not be read.
                name = self._name_beside(name)
            else:
                return name
        raise SuspiciousFileOperation(f"no name like {name!r} is free")

    def path(self, name: str) -> str:
        """Raises NotImplementedError: the server keeps files encrypted, under names of its own."""
        raise NotImplementedError("files of the content server have no path; use open()")
