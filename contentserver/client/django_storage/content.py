"""What Django hands over to be saved, as the client takes it."""

import hashlib
import io
import mimetypes
import posixpath
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from django.core.files.uploadedfile import UploadedFile

from contentserver.client.sources import Data

MAX_MEDIA_TYPE: Final = 127  # bytes
MAX_FILENAME: Final = 255  # bytes
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:;[\x20-\x7e]*)?", re.ASCII)


def data_of(content: Any) -> Data:
    """Bytes of a File, from its beginning, never the whole of a long one in memory. Text is encoded
    as UTF-8. What can seek can be sent again after a break.
    """
    with suppress(AttributeError, io.UnsupportedOperation):
        content.seek(0)
    if not hasattr(content, "read") or isinstance(content.read(0), str):
        return _encoded(content)
    data: Data = content
    return data


def digest_of(content: Any) -> str:
    """SHA-256 of a File, hex."""
    digest = hashlib.sha256()
    for chunk in content.chunks():
        digest.update(chunk.encode() if isinstance(chunk, str) else chunk)
    return digest.hexdigest()


def rewindable(content: Any) -> bool:
    """Whether `data_of` can be called again."""
    seekable = getattr(content, "seekable", None)
    return seekable is not None and bool(seekable())


def media_type_of(content: Any, name: str) -> str | None:
    """What the upload says, else what the name's extension stands for."""
    for holder in (content, getattr(content, "file", None)):
        said = getattr(holder, "content_type", None)
        if isinstance(said, str) and len(said) <= MAX_MEDIA_TYPE and _MEDIA_TYPE.fullmatch(said):
            return said
    return mimetypes.guess_type(name)[0]


def filename_of(content: Any, name: str) -> str:
    """The name that the person had for the file, else the last part of `name`: what a download is
    called.
    """
    given = content.name if isinstance(content, UploadedFile) else None
    last = posixpath.basename(given or name)
    return last.encode("utf-8", "replace")[:MAX_FILENAME].decode("utf-8", "ignore")


def _encoded(content: Any) -> Iterator[bytes]:
    for chunk in content.chunks():
        yield chunk.encode() if isinstance(chunk, str) else chunk
