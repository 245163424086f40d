"""Public keys that nobody has the other half of: what is verified when there is no key to verify
with, so that a token of an unknown key takes as long as a forged one.
"""

import base64
import functools
import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK

from skold import token_claims
from skold.policy_identities import ASYMMETRIC

_USUAL = "RS256"
_CURVES: dict[str, tuple[str, ec.EllipticCurve, int]] = {
    "ES256": ("P-256", ec.SECP256R1(), 32),
    "ES384": ("P-384", ec.SECP384R1(), 48),
}


def verify_in_vain(token: str, algorithm: str | None) -> None:
    """Take the time of a signature of `algorithm`; of RS256 where it is none we know."""
    name = algorithm if algorithm is not None and algorithm in ASYMMETRIC else _USUAL
    token_claims.is_signed(token, _decoy(name), name)


@functools.cache
def _decoy(algorithm: str) -> PyJWK:
    return PyJWK(_numbers(algorithm), algorithm)


def _numbers(algorithm: str) -> dict[str, Any]:
    if algorithm in _CURVES:
        name, curve, size = _CURVES[algorithm]
        point = ec.derive_private_key(1, curve).public_key().public_numbers()
        x, y = (_encoded(number.to_bytes(size, "big")) for number in (point.x, point.y))
        return {"kty": "EC", "crv": name, "x": x, "y": y}
    if algorithm == "EdDSA":
        public = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": _encoded(raw)}
    # An odd number of 2,048 bits is all that verifying asks of a modulus.
    modulus = hashlib.shake_256(b"skold/decoy").digest(256)
    odd = bytes((modulus[0] | 0x80, *modulus[1:-1], modulus[-1] | 1))
    return {"kty": "RSA", "n": _encoded(odd), "e": "AQAB"}


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
