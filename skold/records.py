"""Bytes of an audit record: canonical body, private part under a commitment, frame, leaf and chain.

    0 4 BE32 L | 4 8 BE64 n | 12 32 chain_n | 44 L body | BE32 M | M private | CRC-32 of all before

Pure: no disk, no clock. docs/vectors/journal-*.json hold the same rules as examples.
"""

import hashlib
import zlib
from collections.abc import Mapping
from struct import Struct
from typing import Any, NamedTuple

import orjson

Scalar = str | int | bool | None

MAX_BODY = 65_535
MAX_PRIVATE = 65_535
_HEAD = Struct(">IQ32s")
_LENGTH = Struct(">I")
MAX_FRAME = _HEAD.size + MAX_BODY + 4 + MAX_PRIVATE + 4
CLIPPED = 256  # characters an oversized record keeps of each text

_CHAIN = b"skold/audit/chain/v1\0"
_GENESIS = b"skold/audit/genesis/v1\0"
_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_SCALARS = frozenset((str, int, bool, type(None)))
_sha256 = hashlib.sha256
_dumps = orjson.dumps
_crc32 = zlib.crc32


def canonical(fields: Mapping[str, Scalar]) -> bytes:
    """RFC 8785 form of a flat object of texts, whole numbers, truth values and nulls.

    orjson with sorted keys equals RFC 8785 here: names are ASCII, so bytes sort like UTF-16, and
    there are no floats. Texts that are not Unicode (lone surrogates) are written escaped. Raises
    TypeError naming the field.
    """
    if not _SCALARS.issuperset(map(type, fields.values())):
        raise TypeError(_wrong_field(fields))
    try:
        return _dumps(fields, option=_CANONICAL)
    except TypeError:
        tame = {name: _unicode(value) for name, value in fields.items()}
        return _dumps(tame, option=_CANONICAL)


def body_bytes(fields: Mapping[str, Scalar]) -> bytes:
    """The canonical body; one too long for its frame has its texts clipped and says `clipped`."""
    raw = canonical(fields)
    if len(raw) <= MAX_BODY:
        return raw
    return canonical({**{name: _clip(value) for name, value in fields.items()}, "clipped": True})


def private_bytes(fields: Mapping[str, str | None], salt: bytes) -> tuple[bytes, str]:
    """The private part as written, and its commitment: hex SHA-256, hidden by the 16 random bytes
    of salt.
    """
    raw = canonical({**fields, "salt": salt.hex()})
    if len(raw) > MAX_PRIVATE:
        raw = canonical({**{k: _clip(v) for k, v in fields.items()}, "salt": salt.hex()})
    return raw, _sha256(raw).hexdigest()


def commitment(private: bytes) -> str:
    """What `body.private` must say of a private part that was not redacted."""
    return _sha256(private).hexdigest()


def leaf_hash(body: bytes) -> bytes:
    """RFC 6962 leaf: SHA-256(00 || body)."""
    return _sha256(b"\0" + body).digest()


def genesis(writer: str) -> bytes:
    """chain_(-1) of a writer."""
    return _sha256(_GENESIS + writer.encode()).digest()


def next_chain(chain: bytes, leaf: bytes) -> bytes:
    """chain_n from chain_(n-1) and leaf_n."""
    return _sha256(_CHAIN + chain + leaf).digest()


def frame_bytes(n: int, chain: bytes, body: bytes, private: bytes) -> bytes:
    """One frame, ready to be written."""
    frame = b"".join(
        (_HEAD.pack(len(body), n, chain), body, _LENGTH.pack(len(private)), private),
    )
    return frame + _LENGTH.pack(_crc32(frame))


class RawFrame(NamedTuple):
    """A frame whose lengths and CRC hold; what it claims is not yet verified. `end` is the offset
    behind it.
    """

    n: int
    chain: bytes
    body: bytes
    private: bytes
    end: int


def find_frame(buffer: bytes, offset: int = 0) -> RawFrame | None:
    """The frame that begins at `offset`, or None if no whole good one does."""
    if offset + _HEAD.size > len(buffer):
        return None
    length, n, chain = _HEAD.unpack_from(buffer, offset)
    middle = offset + _HEAD.size + length
    if not 1 <= length <= MAX_BODY or middle + 4 > len(buffer):
        return None
    (size,) = _LENGTH.unpack_from(buffer, middle)
    end = middle + 4 + size
    if size > MAX_PRIVATE or end + 4 > len(buffer):
        return None
    if _crc32(buffer[offset:end]) != _LENGTH.unpack_from(buffer, end)[0]:
        return None
    body, private = buffer[offset + _HEAD.size : middle], buffer[middle + 4 : end]
    # Redacted where it stood: zeros of the same length. Any other bytes are what was written.
    if private[:1] == b"\0" and not private.strip(b"\0"):
        private = b""
    return RawFrame(n, chain, body, private, end + 4)


def find_fields(body: bytes) -> dict[str, Any] | None:
    """The fields of a body in canonical form; None if it is anything else."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    return fields


def _wrong_field(fields: Mapping[str, Any]) -> str:
    wrong = next(name for name, value in fields.items() if type(value) not in _SCALARS)
    return (
        f"field {wrong!r} of an audit record is a {type(fields[wrong]).__name__}; "
        "give a str, int, bool or None"
    )


def _unicode(value: Scalar) -> Scalar:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def _clip(value: Scalar) -> Scalar:
    return value[:CLIPPED] if isinstance(value, str) else value
