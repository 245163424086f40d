"""Keys from keys: HKDF-Expand, the key-encrypting key of a file, and wrapping under AES-256-GCM.

`expand` is X of docs/format.md: HKDF-Expand-SHA256(prk, info, 32 bytes), which is one HMAC block.
"""

import hmac
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from contentserver.store.errors import Corrupt

KEY_SIZE = 32
NONCE_SIZE = 12
TAG_SIZE = 16
Random = Callable[[int], bytes]


def expand(prk: bytes, info: bytes) -> bytes:
    """X(prk, info): 32 bytes of HKDF-Expand-SHA256 (RFC 5869, one block)."""
    return hmac.digest(prk, info + b"\x01", "sha256")


def hkdf(ikm: bytes, salt: bytes, info: bytes) -> bytes:
    """32 bytes of HKDF-SHA256: extract, then expand."""
    return expand(hmac.digest(salt, ikm, "sha256"), info)


def key_encrypting_key(year_key: bytes, kek_id: int, erasure_key: bytes = b"") -> bytes:
    """The key that wraps a file's own; it needs the subject's erasure key where there is one."""
    return hmac.digest(
        year_key, b"skold/kek/v1\0" + kek_id.to_bytes(4, "big") + erasure_key, "sha256"
    )


def part_key(upload_key: bytes, part: int) -> bytes:
    """Key of the stream of part 2, 3, … of a staged upload; part 1 is under the final body's."""
    return expand(upload_key, b"skold/part/v1\0" + part.to_bytes(4, "big"))


def staging_key(year_key: bytes) -> bytes:
    """The key that wraps the staging info of uploads begun under this year key."""
    return expand(year_key, b"skold/staging/v1\0")


def wrap(key: bytes, plaintext: bytes, aad: bytes, random: Random = os.urandom) -> bytes:
    """nonce[12] ‖ AES-256-GCM(key, nonce, plaintext, aad), under a fresh random nonce."""
    nonce = random(NONCE_SIZE)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def unwrap(key: bytes, wrapped: bytes, aad: bytes, what: str) -> bytes:
    """What `wrap` was given. Raises Corrupt, naming `what`, if it does not authenticate."""
    try:
        return AESGCM(key).decrypt(wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], aad)
    except (InvalidTag, ValueError):
        raise Corrupt(f"{what} does not authenticate") from None
