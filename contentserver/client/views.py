"""What both clients and their objects have in common: how they are made, and what they show."""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from contentserver.client.connection import Settings, Token, Verify
from contentserver.client.core import Core
from contentserver.client.download import Reading
from contentserver.client.facade import local
from contentserver.client.settings import from_config, from_environment
from contentserver.client.upload import Staged
from contentserver.client.values import FileInfo, Stored


class ClientView:
    """How a client is made."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        token: Token | None = None,
        url_key: tuple[str, bytes] | None = None,
        second_url: str | None = None,
        on_behalf_of: str | None = None,
        timeout: float = 30.0,
        retries: int = 5,
        verify: Verify = True,
    ) -> None:
        """`url`, `second_url`: http(s)://host[:port]; the second is read from while the first does
        not answer, never written to. `api_key`, or `token`: a text, or what returns a fresh one for
        each request. `url_key`: id and secret of a URL-signing key, for `sign`. `on_behalf_of`:
        the end user, where a call names no other. `timeout`: seconds without a byte. `retries`:
        attempts after the first, counted anew whenever bytes got through. `verify`: an
        ssl.SSLContext for an authority of your own; False for tests only.

        Raises ValueError naming the argument that is wrong.
        """
        settings = Settings(
            url,
            api_key=api_key,
            token=token,
            url_key=url_key,
            second_url=second_url,
            on_behalf_of=on_behalf_of,
            timeout=timeout,
            retries=retries,
            verify=verify,
        )
        self._core = Core(settings.config())
        self._connect(settings)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **more: Any) -> Self:
        """From CONTENTSERVER_URL, CONTENTSERVER_SECOND_URL, CONTENTSERVER_API_KEY,
        CONTENTSERVER_URL_KEY_ID and CONTENTSERVER_URL_KEY (base64, as it was issued); `more`:
        other arguments. Raises ValueError naming the variable that is wrong or missing.
        """
        return cls(**from_environment(environment, **more))

    @classmethod
    def from_config(cls, path: str | os.PathLike[str], **more: Any) -> Self:
        """From a TOML file of mode 0600 with `url`, `second_url`, `api_key`, `url_key_id`,
        `url_key`, `on_behalf_of`, `timeout`, `retries`; `more`: other arguments. Raises ValueError
        naming the entry that is wrong, or where others may read the file; OSError.
        """
        return cls(**from_config(path, **more))

    @property
    def url(self) -> str:
        """The first address, without a slash at its end."""
        return self._core.config.addresses.first

    sign = local(Core.sign)
    sign_upload = local(Core.sign_upload)

    def _connect(self, settings: Settings) -> None:
        raise NotImplementedError


class DownloadView:
    """What an open file shows."""

    _core: Reading

    @property
    def info(self) -> FileInfo:
        """What the headers said."""
        return self._core.info

    @property
    def position(self) -> int:
        """The byte of the file that comes next."""
        return self._core.position


class UploadView:
    """What a staged upload shows, as of the last answer."""

    _core: Staged

    @property
    def url(self) -> str:
        """Where it is; `Client.upload` finds it again by that."""
        return self._core.url

    @property
    def id(self) -> str:
        """The last segment of `url`."""
        return self._core.id

    @property
    def offset(self) -> int:
        """Bytes that the server has, durable."""
        return self._core.offset

    @property
    def length(self) -> int | None:
        """Bytes of the whole; None while that is open."""
        return self._core.length

    @property
    def expires(self) -> datetime | None:
        """Until when it has to be committed."""
        return self._core.expires

    @property
    def stored(self) -> Stored | None:
        """The version, once it is committed."""
        return self._core.stored

    @property
    def sha256(self) -> str | None:
        """Hex, of the whole, once it was sent from here."""
        return self._core.sha256
