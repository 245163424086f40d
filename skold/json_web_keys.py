"""Keys of a token provider (RFC 7517): which of them may verify a token of which algorithm.

Pure. The bridge refuses a set with anything private in it; the gate takes of a set only what fits.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from skold.policy_identities import ASYMMETRIC

MIN_RSA_BITS = 2048  # RFC 7518 3.3
MAX_RSA_BITS = 16_384  # what costs more to verify is no key but an attack
MAX_KEYS = 100
PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
"""Members that only the holder of a private or shared key has (RFC 7518 section 6)."""

_CURVES = {"ES256": "P-256", "ES384": "P-384", "EdDSA": "Ed25519"}
_KINDS = {"R": "RSA", "P": "RSA", "E": "EC"}


class KeySetInvalid(ValueError):
    """A key set that must not be used; the text says why."""


def check_key_set(document: Any, algorithms: Iterable[str]) -> list[dict[str, Any]]:
    """The members of a JWK set that can verify tokens of these algorithms, in the set's order.

    Others (for encryption, of kinds we do not know) are left out. Raises KeySetInvalid for what is
    no set, holds private keys, has two keys for one kid, or none for us.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise KeySetInvalid("it is no JWK set: an object with a list `keys` is expected")
    if len(keys) > MAX_KEYS:
        raise KeySetInvalid(f"it holds {len(keys)} keys; more than {MAX_KEYS} are refused")
    if any(PRIVATE & set(key) for key in keys):
        raise KeySetInvalid("it publishes private or shared keys; every token of it may be forged")
    wanted = tuple(algorithms)
    usable = [key for key in keys if any(fits(key, name) for name in wanted)]
    kids = [key["kid"] for key in usable]
    if len(set(kids)) != len(kids):
        raise KeySetInvalid("two of its keys have the same kid")
    if not usable:
        raise KeySetInvalid(f"it has no key with a kid for {', '.join(sorted(wanted))}")
    return [dict(sorted(key.items())) for key in usable]


def fits(key: Mapping[str, Any], algorithm: str) -> bool:
    """Whether a key may verify a signature of this algorithm: by its own `kty`, `crv`, `use`,
    `key_ops` and `alg`, and by being a public key that can be read.
    """
    if algorithm not in ASYMMETRIC or not isinstance(key.get("kid"), str) or PRIVATE & set(key):
        return False
    kind = "OKP" if algorithm == "EdDSA" else _KINDS[algorithm[0]]
    if key.get("kty") != kind or key.get("crv") != _CURVES.get(algorithm):
        return False
    if key.get("use", "sig") != "sig" or key.get("alg", algorithm) != algorithm:
        return False
    operations = key.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return False
    return prepare(key, algorithm) is not None


def prepare(key: Mapping[str, Any], algorithm: str) -> PyJWK | None:
    """The key, bound to the algorithm; None if its numbers are no key."""
    try:
        made = PyJWK(dict(key), algorithm)
        size = getattr(made.key, "key_size", MIN_RSA_BITS)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if key.get("kty") == "RSA" and not MIN_RSA_BITS <= size <= MAX_RSA_BITS:
        return None
    return made


def prepare_all(
    keys: Iterable[Mapping[str, Any]], algorithms: Iterable[str]
) -> dict[tuple[str, str], PyJWK]:
    """By kid and algorithm: what the gate looks a token's key up in."""
    found = {}
    wanted = tuple(algorithms)
    for key in keys:
        for name in wanted:
            made = prepare(key, name) if fits(key, name) else None
            if made is not None:
                found[key["kid"], name] = made
    return found
