"""Acts on principals. Each takes `actor` first: who does it, as the audit shall name them."""

from skold.services.clients import change_client, create_client
from skold.services.grants import give_grant, withdraw_grant
from skold.services.keys import IssuedKey, issue_api_key, revoke_api_key
from skold.services.url_keys import IssuedUrlKey, issue_url_key, revoke_url_key

__all__ = [
    "IssuedKey",
    "IssuedUrlKey",
    "change_client",
    "create_client",
    "give_grant",
    "issue_api_key",
    "issue_url_key",
    "revoke_api_key",
    "revoke_url_key",
    "withdraw_grant",
]
