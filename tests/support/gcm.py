"""AES-GCM does not commit to its key: one ciphertext, made here, opens under two of them.

(Dodis, Grubbs, Ristenpart, Woodage 2018.) Two conditions on the authenticator, linear in the free
block, are solved in GF(2^128).
"""

import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_R = 0xE1 << 120


def ciphertext_for_two_keys(
    keys: tuple[bytes, bytes], nonce: bytes, data: bytes, free: bytes
) -> bytes:
    """ciphertext ‖ tag that authenticates under both keys. `free`: the blocks before the last."""
    assert len(free) % 16 == 0
    blocks = [*_blocks(data), *_blocks(free)]
    lengths = int.from_bytes(struct.pack(">QQ", len(data) * 8, (len(free) + 16) * 8), "big")
    one, two = (_side(key, nonce, blocks, lengths) for key in keys)
    last = _multiply(one[0] ^ two[0], _inverse(one[1] ^ two[1]))
    tag = one[0] ^ _multiply(last, one[1])
    return free + last.to_bytes(16, "big") + tag.to_bytes(16, "big")


def _side(key: bytes, nonce: bytes, blocks: list[int], lengths: int) -> tuple[int, int]:
    """(tag if the last block were zero, factor of the last block) under one key."""
    h = _encrypt(key, bytes(16))
    total = 0
    for block in [*blocks, 0, lengths]:
        total = _multiply(total ^ block, h)
    return total ^ _encrypt(key, nonce + b"\0\0\0\1"), _multiply(h, h)


def _encrypt(key: bytes, block: bytes) -> int:
    cipher = Cipher(
        algorithms.AES(key), modes.ECB()
    ).encryptor()  # one block: ECB is the permutation
    return int.from_bytes(cipher.update(block), "big")


def _blocks(data: bytes) -> list[int]:
    return [
        int.from_bytes(data[i : i + 16].ljust(16, b"\0"), "big") for i in range(0, len(data), 16)
    ]


def _multiply(a: int, b: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        if a >> bit & 1:
            product ^= b
        b = b >> 1 ^ (_R if b & 1 else 0)
    return product


def _inverse(a: int) -> int:
    result, power = 1 << 127, a
    for _ in range(127):  # a^(2^128 - 2)
        power = _multiply(power, power)
        result = _multiply(result, power)
    return result
