"""The checksum of one part: Upload-Checksum of tus 1.0.0, and Content-Digest (RFC 9530)."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from contentserver.protocol.digests import BadDigest, parse_sha256

ALGORITHMS: Final[Mapping[str, Callable[[], Any]]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
""" "The Server MUST support at least the SHA1 checksum algorithm identified by sha1." """


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one part must come to."""

    algorithm: str
    digest: bytes


def parse_checksums(upload_checksum: str | None, content_digest: str | None) -> list[Checksum]:
    """All that the headers of a part declare about its bytes; [] where they declare nothing.

    Raises BadDigest, for an algorithm that is not offered too: "400 Bad Request if the checksum
    algorithm is not supported by the server".
    """
    found = [] if upload_checksum is None else [_parse(upload_checksum)]
    try:
        digest = parse_sha256(content_digest)
    except BadDigest as error:
        raise BadDigest(f"Content-Digest: {error}") from None
    return found if digest is None else [*found, Checksum("sha256", digest)]


class Tally:
    """Adds a part up and compares it with what was declared."""

    def __init__(self, declared: list[Checksum]) -> None:
        self._declared = declared
        self._sums = {each.algorithm: ALGORITHMS[each.algorithm]() for each in declared}

    def add(self, data: bytes) -> None:
        for each in self._sums.values():
            each.update(data)

    @property
    def is_declared(self) -> bool:
        """Whether anything was declared at all."""
        return bool(self._declared)

    @property
    def is_right(self) -> bool:
        """Whether what was added has every declared checksum."""
        return all(self._sums[each.algorithm].digest() == each.digest for each in self._declared)


def _parse(value: str) -> Checksum:
    """ "the name of the used checksum algorithm and the Base64 encoded checksum separated by a
    space".
    """
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in ALGORITHMS:
        known = " and ".join(ALGORITHMS)
        raise BadDigest(f"Upload-Checksum knows {known}, not {algorithm[:32]!a}")
    try:
        digest = base64.b64decode(encoded.encode("latin-1"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise BadDigest("Upload-Checksum is not Base64") from None
    size = ALGORITHMS[algorithm]().digest_size
    if len(digest) != size:
        raise BadDigest(f"Upload-Checksum: {algorithm} has {size} bytes, not {len(digest)}")
    return Checksum(algorithm, digest)
