"""Everything a client can do, without any way to do it: operations for a driver to run."""

from urllib.parse import urlsplit

from contentserver.client.fetching import Fetches
from contentserver.client.listing import Lists
from contentserver.client.paths import content_path, which
from contentserver.client.signing import UrlKey, sign
from contentserver.client.upload import path_of
from contentserver.client.writing import Writes


class Core(Fetches, Writes, Lists):
    """The operations of both clients, and the signing that needs no driver."""

    def sign(
        self,
        method: str,
        collection: str,
        key: str,
        *,
        lifetime: int = 300,
        subject: str | None = None,
        disposition: str | None = None,
        version: str | None = None,
        as_of: int | None = None,
    ) -> str:
        """An absolute URL with which anybody may do this one thing for `lifetime` seconds; made
        here, without asking the server. `subject` names the end user, `disposition` is inline or
        attachment. GET is good for HEAD as well. Raises ValueError without a URL key, and naming
        the argument that no server would accept.
        """
        path, parameters = content_path(collection, key), which(version, as_of)
        signed = sign(
            self._url_key,
            method,
            path,
            expires=self._expires(lifetime),
            subject=subject,
            disposition=disposition,
            parameters=parameters,
        )
        return self.config.addresses.first + signed

    def sign_upload(
        self, upload_url: str, *, lifetime: int = 3600, subject: str | None = None
    ) -> str:
        """An absolute URL with which anybody may send bytes to this one upload, and ask where it
        stands, but not commit it. Raises as `sign`.
        """
        if urlsplit(upload_url).query:
            raise ValueError("upload_url carries a query already; give Upload.url")
        expires = self._expires(lifetime)
        path = path_of(upload_url)
        signed = sign(self._url_key, "PATCH", path, expires=expires, subject=subject)
        return self.config.addresses.first + signed

    @property
    def _url_key(self) -> UrlKey:
        if self.config.url_key is None:
            raise ValueError("signing needs url_key, the pair of the key's id and its secret")
        return self.config.url_key

    def _expires(self, lifetime: int) -> int:
        if lifetime < 1:
            raise ValueError("lifetime is a number of seconds, at least 1")
        return int(self.config.clock()) + lifetime
