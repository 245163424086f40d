"""Acts on principals. Each takes `actor` first: who does it, as the audit shall name them."""

from skold.services.certificates import add_certificate, revoke_certificate
from skold.services.clients import change_client, create_client
from skold.services.grants import give_grant, withdraw_grant
from skold.services.keys import IssuedKey, issue_api_key, revoke_api_key
from skold.services.rotation import rewrap_url_keys, rotate_api_key, rotate_url_key
from skold.services.token_providers import (
    change_token_provider,
    create_token_provider,
    forget_token_client,
    name_token_client,
    names_persons,
    want_keys,
)
from skold.services.url_keys import IssuedUrlKey, issue_url_key, revoke_url_key

__all__ = [
    "IssuedKey",
    "IssuedUrlKey",
    "add_certificate",
    "change_client",
    "change_token_provider",
    "create_client",
    "create_token_provider",
    "forget_token_client",
    "give_grant",
    "issue_api_key",
    "issue_url_key",
    "name_token_client",
    "names_persons",
    "revoke_api_key",
    "revoke_certificate",
    "revoke_url_key",
    "rewrap_url_keys",
    "rotate_api_key",
    "rotate_url_key",
    "want_keys",
    "withdraw_grant",
]
