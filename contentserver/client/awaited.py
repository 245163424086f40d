"""The client for asyncio: the same methods, awaited."""

import io
from typing import Self

from contentserver.client.connection import Settings
from contentserver.client.core import Core
from contentserver.client.download import Reading
from contentserver.client.facade import async_iterating, awaited, awaited_into
from contentserver.client.seeking import Seeking
from contentserver.client.upload import Staged
from contentserver.client.values import FileInfo
from contentserver.client.views import ClientView, DownloadView, UploadView
from contentserver.client.waiting import AsyncDriver


class AsyncDownload(DownloadView):
    """An open file: `async for` gives its bytes as they come, `await …read()` all. Leaving its
    `async with` lets go of the connection.
    """

    def __init__(self, driver: AsyncDriver, reading: Reading) -> None:
        self._driver, self._core = driver, reading

    __aiter__ = async_iterating(Reading.pieces)
    read = awaited(Reading.read)
    close = awaited(Reading.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()


class AsyncUpload(UploadView):
    """A staged upload: `send` its bytes, `commit` it; however often the line breaks."""

    def __init__(self, driver: AsyncDriver, staged: Staged) -> None:
        self._driver, self._core = driver, staged

    send = awaited(Staged.send)
    append = awaited(Staged.append)
    refresh = awaited(Staged.refresh)
    commit = awaited(Staged.commit)
    delete = awaited(Staged.delete)


class AsyncRemoteFile:
    """A file that stays where it is, of one version; `await …read(size)`. `info` says which."""

    def __init__(self, driver: AsyncDriver, seeking: Seeking) -> None:
        self._driver, self._core = driver, seeking

    read = awaited(Seeking.read)

    @property
    def info(self) -> FileInfo:
        """Of the version that is read."""
        return self._core.info

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As files do; nothing is awaited. Raises ValueError before the beginning."""
        return self._core.seek(offset, whence)

    def tell(self) -> int:
        """The byte that comes next."""
        return self._core.position

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Nothing is open between reads."""


class AsyncClient(ClientView):
    """Everything the server does for its clients, awaited; one for an event loop and all its tasks.
    An async context manager.
    """

    def _connect(self, settings: Settings) -> None:
        self._driver = AsyncDriver(settings.awaited())

    put = awaited(Core.put)
    delete = awaited(Core.delete)
    stage = awaited_into(AsyncUpload, Core.stage)
    upload = awaited_into(AsyncUpload, Core.upload)
    get = awaited_into(AsyncDownload, Core.get)
    download = awaited(Core.download)
    open = awaited_into(AsyncRemoteFile, Core.open)
    head = awaited(Core.head)
    versions = awaited(Core.versions)
    heads = awaited(Core.heads)
    list = async_iterating(Core.list)
    changes = async_iterating(Core.changes)

    async def close(self) -> None:
        """Close every connection."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()
