"""ContentServerStorage: Django's storage API on the content server."""

import os
import posixpath
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage
from django.utils.deconstruct import deconstructible
from django.utils.text import get_valid_filename
from django.utils.timezone import get_default_timezone, make_naive

from contentserver.client import Client
from contentserver.client.django_storage import content as contents
from contentserver.client.django_storage import deferred, names
from contentserver.client.django_storage.files import ReadFile, WriteFile
from contentserver.client.django_storage.options import Options
from contentserver.client.django_storage.pool import pool
from contentserver.client.django_storage.writing import Writes
from contentserver.client.errors import Deleted, Erased, Gone, NotFound, PreconditionFailed
from contentserver.client.values import FileInfo

ATTEMPTS = 100  # names that are tried before it is said that none is free


@deconstructible(path="contentserver.client.django_storage.ContentServerStorage")
class ContentServerStorage(Writes, Storage):
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

    @property
    def client(self) -> Client:
        """The process's client, for what a storage has no method for. Raises
        ImproperlyConfigured.
        """
        return pool.client(self._options.server)

    # Names

    def key(self, name: str) -> str:
        """The key of a name. Raises SuspiciousFileOperation for one that no file can have."""
        return names.key_of(self._options.folder, name)

    def get_valid_name(self, name: str) -> str:
        """As Django's; accents that a Mac sends apart from their letters stay."""
        return str(get_valid_filename(names.composed(name)))

    def generate_filename(self, filename: str | os.PathLike[str]) -> str:
        """As Django's, in normalisation form C."""
        return super().generate_filename(names.composed(filename))

    def is_name_available(self, name: str, max_length: int | None = None) -> bool:
        """Whether `save` would store under this very name."""
        return self._fits(name, max_length) and (self._options.overwrite or not self.exists(name))

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name itself if it may be written to, cut to `max_length`; else one beside it that is
        free. Raises SuspiciousFileOperation.

        Before a transaction's commit nothing takes a name, so that two of them could find the same
        one free: there each file gets a name of its own.
        """
        directory, root, extension = names.split(names.clean(name))

        def named(make: Callable[[str, str], str]) -> str:
            def join(shorter: str) -> str:
                return posixpath.join(directory, make(shorter, extension))

            return names.shortened(root, join, lambda found: self._fits(found, max_length))

        found = named(lambda shorter, ending: shorter + ending)
        if self._options.overwrite:
            return found
        free = not self._defers() and not self.exists(found)
        for _ in range(ATTEMPTS):
            if free:
                return found
            found = named(self.get_alternative_name)
            free = not self.exists(found)
        raise SuspiciousFileOperation(f"no name like {name!r} is free; is its person erased?")

    def _fits(self, name: str, max_length: int | None) -> bool:
        if max_length is not None and len(name) > max_length:
            return False
        return len((self._options.folder + name).encode()) <= names.MAX_KEY_BYTES

    # Reading

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        """`r` and `rb` read the latest version; `w` and `wb` make the next when they are closed."""
        if mode in {"r", "rt", "rb"}:
            return ReadFile(self, names.clean(name), mode)
        if mode in {"w", "wt", "wb"}:
            return WriteFile(self, names.clean(name), mode)
        raise ValueError(f"mode {mode!r}: versions never change; read ('rb') and write anew ('wb')")

    def exists(self, name: str) -> bool:
        """Whether the name is taken: by a file, by one that this transaction has staged, or for
        ever by one of an erased person. A deleted file does not exist.
        """
        if (waiting := self._waiting(name)) is not None:
            return waiting.upload is not None
        try:
            self._head(name)
        except (NotFound, Deleted):
            return False
        except Erased:
            return True
        return True

    def size(self, name: str) -> int:
        """Bytes of the latest version, or of what this transaction has staged. Raises
        FileNotFoundError.
        """
        if (waiting := self._waiting(name)) is not None and waiting.upload is not None:
            return waiting.size
        size = self._info(name).size
        if size is None:
            raise NotImplementedError(f"{name}: the legacy database does not tell the size")
        return size

    def url(
        self,
        name: str | None,
        *,
        lifetime: int | None = None,
        disposition: str | None = None,
        end_user: str | None = None,
        version: str | None = None,
    ) -> str:
        """A signed URL that opens this file for everybody who has it, for `lifetime` seconds;
        signed here, without asking whether there is such a file. Raises ValueError without a
        signing key.
        """
        signed = self.client.sign(
            "GET",
            self._options.named_collection(),
            self.key(name or ""),
            lifetime=lifetime or self._options.url_lifetime,
            subject=end_user or self._options.current_end_user(),
            disposition=disposition or self._options.url_disposition,
            version=version,
        )
        if self._options.public_url is None:
            return signed
        parts = urlsplit(signed)
        return f"{self._options.public_url.rstrip('/')}{parts.path}?{parts.query}"

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Folders and files below `path`, from the server's catalog, which is seconds behind. All
        keys below are read. Raises NotImplementedError where the client may not list.
        """
        prefix = self._options.folder + names.folder(path)
        folders: set[str] = set()
        files: set[str] = set()
        try:
            for entry in self.client.list(self._options.named_collection(), prefix):
                first, deeper, _ = entry.key[len(prefix) :].partition("/")
                (folders if deeper else files).add(first)
        except NotFound as error:
            raise NotImplementedError(
                "listing takes the grant 'list' and an address that serves /api/v1"
            ) from error
        return sorted(folders), sorted(files)

    def get_modified_time(self, name: str) -> datetime:
        """When the latest version was committed. Raises FileNotFoundError."""
        modified = self._info(name).modified
        if modified is None:
            raise NotImplementedError(f"{name}: the legacy database does not tell the time")
        return _as_django_has_it(modified)

    def get_created_time(self, name: str) -> datetime:
        """When the oldest version was committed. Raises FileNotFoundError."""
        self._info(name)
        versions = self.client.versions(
            self._options.named_collection(), self.key(name), on_behalf_of=self._for_whom()
        )
        committed = versions[0].committed_at if versions else None
        if committed is None:
            raise NotImplementedError(f"{name}: the legacy database does not tell the time")
        return _as_django_has_it(committed)

    def get_accessed_time(self, name: str) -> datetime:
        """Raises NotImplementedError: who read what and when stands in the audit, which this
        client need not be allowed to read.
        """
        raise NotImplementedError("the server's audit knows it, and shows it to auditors alone")

    def read_from(self, name: str) -> Any:
        """A seekable stream of the latest version. Raises FileNotFoundError, StillStaged."""
        self._refuse_staged(name)
        try:
            return self.client.open(
                self._options.named_collection(), self.key(name), on_behalf_of=self._for_whom()
            )
        except (NotFound, Gone) as error:
            raise FileNotFoundError(f"{name}: {error}") from error

    def _head(self, name: str) -> FileInfo:
        return self.client.head(
            self._options.named_collection(), self.key(name), on_behalf_of=self._for_whom()
        )

    def _info(self, name: str) -> FileInfo:
        self._refuse_staged(name)
        try:
            return self._head(name)
        except (NotFound, Gone) as error:
            raise FileNotFoundError(f"{name}: {error}") from error

    def _refuse_staged(self, name: str) -> None:
        waiting = self._waiting(name)
        if waiting is not None and waiting.upload is None:
            raise FileNotFoundError(f"{name}: this transaction has deleted it")
        if waiting is not None:
            raise deferred.StillStaged(
                f"{name}: this transaction has staged it, and it can be read after the commit"
            )

    # Writing

    def _save(self, name: str, content: Any) -> str:
        name = names.clean(name)
        while True:
            try:
                self._store(name, content, create=not self._options.overwrite)
            except PreconditionFailed as taken:
                if self._options.overwrite or not contents.rewindable(content):
                    raise
                if taken.answer_lost and self._is_stored(name, content):
                    return name
                # Somebody took the name since get_available_name.
                name = self.get_available_name(name)
            else:
                return name

    def delete(self, name: str) -> None:
        """Put a delete marker: earlier versions stay in the archive. Nothing happens if there is no
        such file. Raises ValueError without a name, PermissionError where the file is there and the
        client may not delete it.
        """
        if not name:
            raise ValueError("The name must be given to delete().")
        self._remove(names.clean(name))

    def path(self, name: str) -> str:
        """Raises NotImplementedError: the server keeps files encrypted, under names of its own."""
        raise NotImplementedError("files of the content server have no path; use open()")


def _as_django_has_it(moment: datetime) -> datetime:
    return moment if settings.USE_TZ else make_naive(moment, get_default_timezone())
