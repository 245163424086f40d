"""The client for programs that wait for their answers."""

import io
from typing import Self

from contentserver.client.blocking import Driver
from contentserver.client.connection import Settings
from contentserver.client.core import Core
from contentserver.client.download import Reading
from contentserver.client.facade import blocking, blocking_into, iterating
from contentserver.client.seeking import Seeking
from contentserver.client.upload import Staged
from contentserver.client.values import FileInfo
from contentserver.client.views import ClientView, DownloadView, UploadView

BUFFER = 1 << 16  # bytes that a file of `open` hands over at a time


class Download(DownloadView):
    """An open file: iterate over it for its bytes as they come, or `read` them all. Leaving its
    `with` lets go of the connection.
    """

    def __init__(self, driver: Driver, reading: Reading) -> None:
        self._driver, self._core = driver, reading

    __iter__ = iterating(Reading.pieces)
    read = blocking(Reading.read)
    close = blocking(Reading.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Upload(UploadView):
    """A staged upload: `send` its bytes, `commit` it; however often the line breaks."""

    def __init__(self, driver: Driver, staged: Staged) -> None:
        self._driver, self._core = driver, staged

    send = blocking(Staged.send)
    append = blocking(Staged.append)
    refresh = blocking(Staged.refresh)
    commit = blocking(Staged.commit)
    delete = blocking(Staged.delete)


class _Raw(io.RawIOBase):
    """What the buffer of an open file reads from."""

    def __init__(self, driver: Driver, seeking: Seeking) -> None:
        super().__init__()
        self._driver, self._core = driver, seeking

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._core.seek(offset, whence)

    def tell(self) -> int:
        return self._core.position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        piece = self._driver.run(self._core.read_some(len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


class RemoteFile(io.BufferedReader):
    """A file that stays where it is: readable, seekable, of one version. `info` says which."""

    def __init__(self, driver: Driver, seeking: Seeking) -> None:
        super().__init__(_Raw(driver, seeking), BUFFER)
        self.info: FileInfo = seeking.info


class Client(ClientView):
    """Everything the server does for its clients, blocking; one for a whole program and all its
    threads. A context manager.
    """

    def _connect(self, settings: Settings) -> None:
        self._driver = Driver(settings.blocking())

    put = blocking(Core.put)
    delete = blocking(Core.delete)
    stage = blocking_into(Upload, Core.stage)
    upload = blocking_into(Upload, Core.upload)
    get = blocking_into(Download, Core.get)
    download = blocking(Core.download)
    open = blocking_into(RemoteFile, Core.open)
    head = blocking(Core.head)
    versions = blocking(Core.versions)
    heads = blocking(Core.heads)
    list = iterating(Core.list)
    changes = iterating(Core.changes)

    def close(self) -> None:
        """Close every connection."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()
