"""Signing keys in the policy of a test's data plane."""

from contentserver import runtime
from skold.urls import new_url_secret, wrap_url_key
from tests.support.plane import Home, replaced_environment


def add_url_key(plane: Home, client: str, kid: str, *, expires: int | None = None) -> bytes:
    """A signing key of the client, not yet published. Returns its secret."""
    secret = new_url_secret()
    with replaced_environment(plane.environment):
        number, wrapping = max(runtime.data_keyset(plane.config).url_keys.items())
    wrapped = wrap_url_key(wrapping, kid, secret)
    row = {"id": kid, "client": client, "wrapped": wrapped, "wrapping": number, "expires": expires}
    plane.policy["url_keys"].append(row)
    return secret
