"""Which version of a file a request asks for."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from contentserver.delivery.errors import BadRequest
from contentserver.store.address import Version
from contentserver.store.errors import BadMetadata

_OF_SIGNED_URLS = frozenset({"expires", "kid", "sub", "disposition", "sig"})


class Which(NamedTuple):
    """Which version is asked for; both None means the latest."""

    as_of: int | None = None
    version: Version | None = None


LATEST = Which()


def which_version(query: bytes) -> Which:
    """Read `as_of` or `version`. Raises BadRequest naming a parameter that is unknown, doubled or
    no such value.
    """
    as_of: int | None = None
    version: Version | None = None
    seen: set[str] = set()
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name in seen:
            raise BadRequest(f"the parameter {name} is given more than once")
        seen.add(name)
        if name == "as_of":
            as_of = _year(value)
        elif name == "version":
            version = _version(value)
        elif name not in _OF_SIGNED_URLS:
            raise BadRequest(f"the parameter {name[:40]!r} is not known here; use as_of or version")
    if as_of is not None and version is not None:
        raise BadRequest("as_of and version exclude each other; send one of them")
    return Which(as_of, version)


def _year(value: str) -> int:
    if len(value) != 4 or not (value.isascii() and value.isdigit()):
        raise BadRequest("as_of is a year, for example as_of=2025")
    return int(value)


def _version(value: str) -> Version:
    try:
        return Version.parse(value)
    except BadMetadata as error:
        raise BadRequest(str(error)) from None
