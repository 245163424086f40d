"""Addresses of the server, percent-encoded once, as they are sent and signed (docs/http.md)."""

from collections.abc import Iterable
from urllib.parse import quote, urlsplit

Parameters = Iterable[tuple[str, str]]


def check_base(url: str, name: str) -> str:
    """The base without a slash at its end. Raises ValueError unless it is scheme://host[:port]."""
    parts = urlsplit(url)
    rest = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in {"http", "https"} or not parts.hostname or rest:
        raise ValueError(f"{name} must be http(s)://host[:port] and nothing behind it")
    return f"{parts.scheme}://{parts.netloc}"


def content_path(collection: str, key: str) -> str:
    """Path of a file."""
    return f"/v1/content/{_segment(collection)}/{_key(key)}"


def versions_path(collection: str, key: str) -> str:
    """Path of the list of a file's versions."""
    return f"/v1/versions/{_segment(collection)}/{_key(key)}"


def query_of(parameters: Parameters) -> str:
    """`?name=value&…`, RFC 3986-encoded; empty without parameters."""
    text = "&".join(f"{encoded(name)}={encoded(value)}" for name, value in parameters)
    return f"?{text}" if text else ""


def encoded(text: str) -> str:
    """Percent-encoded but for the unreserved characters of RFC 3986."""
    return quote(text, safe="")


def which(version: str | None, as_of: int | str | None) -> list[tuple[str, str]]:
    """Parameters that name a version. Raises ValueError for two."""
    if version is not None and as_of is not None:
        raise ValueError("version and as_of exclude each other; give one of them")
    if version is not None:
        return [("version", version)]
    return [] if as_of is None else [("as_of", str(as_of))]


def _key(key: str) -> str:
    return "/".join(_segment(part) for part in key.split("/"))


def _segment(text: str) -> str:
    # HTTP libraries resolve "." and ".." away and would ask for another file; encoded they reach
    # the server, which refuses them.
    return text.replace(".", "%2E") if text in {".", ".."} else encoded(text)
