"""What the storage knows of files without changing them."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.timezone import get_default_timezone, make_naive

from contentserver.client.django_storage import deferred, names
from contentserver.client.django_storage.base import Base
from contentserver.client.errors import Deleted, Erased, Gone, NotFound
from contentserver.client.values import FileInfo


class Reads(Base):
    """The part of ContentServerStorage that only asks."""

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


def _as_django_has_it(moment: datetime) -> datetime:
    return moment if settings.USE_TZ else make_naive(moment, get_default_timezone())
