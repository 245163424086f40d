"""Stage one of an upload: making it, and finding it again (tus 1.0.0 creation)."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from contentserver.client.asking import Asking, Call
from contentserver.client.headers import upload_metadata
from contentserver.client.sources import Data, Once, Source, Tally, source_of
from contentserver.client.steps import Op, Work
from contentserver.client.upload import TUS, Staged, path_of
from contentserver.client.values import Progress

Told = Callable[[Progress], object]
UPLOADS: Final = "/v1/uploads"


class Stages(Asking):
    """The operations that give uploads."""

    def stage(
        self,
        collection: str,
        key: str,
        data: Data | None = None,
        *,
        size: int | None = None,
        media_type: str | None = None,
        filename: str | None = None,
        data_subject: str | None = None,
        custom: Mapping[str, str] | None = None,
        sha256: str | None = None,
        commit: bool = False,
        on_behalf_of: str | None = None,
        progress: Told | None = None,
    ) -> Op[Staged]:
        """Begin an upload; nothing is a version before it is committed. With `data`, send it all:
        bytes, a file (pathlib.Path or open) or an iterator of bytes. Without, `send` does that
        later; `size` announces the length where it is known. `sha256` (hex) is compared by the
        server at the commit. With `commit` the last byte commits.

        To go on after this process has died, keep `url` of an upload made without `data`, and give
        it to `upload`.

        Raises NotFound where the client may not stage, NoSpace, Conflict, Erased, Unreachable, and
        what else the server answers; TypeError for what holds no bytes.
        """
        source: Source | Once | None = None
        if data is not None:
            source = yield Work(lambda: source_of(data))
        if isinstance(source, Source):
            size, given = source.length, source
            if commit and sha256 is None:
                sha256 = yield Work(lambda: given.fill(Tally()))
        metadata = {
            "collection": collection,
            "key": key,
            "media_type": media_type,
            "filename": filename,
            "data_subject": data_subject,
            "custom": json.dumps(dict(custom)) if custom else None,
            "sha256": sha256,
            "commit": "auto" if commit else None,
        }
        staged = yield from self._create(metadata, size, on_behalf_of)
        if source is not None:
            yield from staged.send_source(source, progress or (lambda _progress: None))
        return staged

    def upload(self, url: str, *, on_behalf_of: str | None = None) -> Op[Staged]:
        """Take an upload up again, by its URL; a signed URL of it needs no other credential. Raises
        NotFound for one that is unknown or another client's, UploadExpired.
        """
        staged = Staged(self, path_of(url), url if "sig=" in url else None, on_behalf_of)
        yield from staged.refresh()
        return staged

    def _create(
        self, metadata: Mapping[str, str | None], size: int | None, on_behalf_of: str | None
    ) -> Op[Staged]:
        length = {"upload-defer-length": "1"} if size is None else {"upload-length": str(size)}
        headers = {
            **TUS,
            **length,
            "upload-metadata": upload_metadata(metadata),
            **self.for_whom(on_behalf_of),
        }
        answer = yield from self.ask(Call("POST", "uploads", UPLOADS, headers=headers, body=b""))
        # The server may know itself by another address than we know it by: the path is what counts,
        # and no credential ever follows it to another host.
        staged = Staged(self, path_of(answer.headers["location"]), None, on_behalf_of)
        staged.describe(metadata["collection"] or "", metadata["key"] or "")
        staged.stands(answer.headers, length=size)
        return staged
