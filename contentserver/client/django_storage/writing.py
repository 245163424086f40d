"""How the storage stores and deletes: at once, or when the transaction commits."""

from typing import Any

from contentserver.client.django_storage import abandoned, deferred, names
from contentserver.client.django_storage import content as contents
from contentserver.client.django_storage.base import Base
from contentserver.client.django_storage.deferred import Waiting
from contentserver.client.errors import ClientError, Deleted, Gone, NotFound


class Writes(Base):
    """The part of ContentServerStorage that stores and deletes."""

    # Files opened for writing ask for these four.

    def begin(self, name: str) -> Any:
        """An upload of a length not known yet."""
        abandoned.prepare()
        return self._stage(name, None, None)

    def store(self, name: str, content: bytes) -> None:
        """Make bytes the next version."""
        self._store(name, content, create=False)

    def finish(self, name: str, upload: Any) -> None:
        """Make an upload the next version, whatever stood there before."""
        self._commit(name, upload, create=False)

    def abandon(self, upload: Any) -> None:
        """Delete an upload of `begin` soon."""
        abandoned.abandon(upload)

    def delete(self, name: str) -> None:
        """Put a delete marker: earlier versions stay in the archive. Nothing happens if there is no
        such file. Raises ValueError without a name, PermissionError where the file is there and the
        client may not delete it.
        """
        if not name:
            raise ValueError("The name must be given to delete().")
        self._remove(names.clean(name))

    def _store(self, name: str, content: Any, *, create: bool) -> None:
        """With `create` raises PreconditionFailed if there is a file."""
        data = content if isinstance(content, bytes) else contents.data_of(content)
        if self._defers():
            self._commit(name, self._stage(name, content, data), create=create)
            return
        self.client.put(
            self._options.named_collection(),
            self.key(name),
            data,
            if_none_match="*" if create else None,
            **self._facts(name, content),
        )

    def _is_stored(self, name: str, content: Any) -> bool:
        """Whether the file has these very bytes: the PUT whose answer was lost has stored them."""
        collection, key = self._options.named_collection(), self.key(name)
        try:
            info = self.client.head(collection, key, on_behalf_of=self._for_whom())
        except (NotFound, Gone):
            return False
        return info.sha256 == contents.digest_of(content)

    def _stage(self, name: str, content: Any, data: Any) -> Any:
        return self.client.stage(
            self._options.named_collection(), self.key(name), data, **self._facts(name, content)
        )

    def _commit(self, name: str, upload: Any, *, create: bool) -> None:
        def commit() -> None:
            upload.commit(if_none_match="*" if create else None)

        abandoned.prepare()
        if not self._defers():
            try:
                commit()
            except ClientError:
                abandoned.abandon(upload)
                raise
            return
        waiting = Waiting(self._place, name, commit, upload, upload.offset)
        deferred.wait(waiting, self._options.database)

    def _remove(self, name: str) -> None:
        if self._defers():
            gone = Waiting(self._place, name, lambda: self._remove_now(name))
            deferred.wait(gone, self._options.database)
            return
        self._remove_now(name)

    def _remove_now(self, name: str) -> None:
        key, collection = self.key(name), self._options.named_collection()
        try:
            self.client.delete(collection, key, on_behalf_of=self._for_whom())
        except Deleted:
            return
        except NotFound as error:
            if self._is_there(collection, key):
                raise PermissionError(f"{name}: the client may not delete it") from error

    def _is_there(self, collection: str, key: str) -> bool:
        """Absent and forbidden look the same to whoever deletes; not to whoever reads."""
        try:
            self.client.head(collection, key, on_behalf_of=self._for_whom())
        except (NotFound, Gone):
            return False
        return True

    def _facts(self, name: str, content: Any) -> dict[str, Any]:
        return {
            "media_type": contents.media_type_of(content, name),
            "filename": contents.filename_of(content, name),
            "on_behalf_of": self._for_whom(),
        }
