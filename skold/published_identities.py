"""Certificates and token providers as rows of the policy. What is revoked or switched off is left
out: unknown is refused.
"""

from typing import Any

from skold.models import ClientCertificate, TokenClient, TokenProvider

Rows = dict[str, list[dict[str, Any]]]


def identity_rows() -> Rows:
    """The members `certificates`, `token_providers` and `token_clients` from the current rows.

    When keys were fetched is no part of it: the same keys make the same policy.
    """
    certificates = ClientCertificate.objects.filter(revoked_at=None).order_by("fingerprint")
    providers = TokenProvider.objects.filter(enabled=True).order_by("id")
    speakers = TokenClient.objects.filter(provider__enabled=True).order_by("id")
    return {
        "certificates": [_certificate(row) for row in certificates],
        "token_providers": [_provider(row) for row in providers],
        "token_clients": [_speaker(row) for row in speakers],
    }


def _certificate(row: ClientCertificate) -> dict[str, Any]:
    expires = None if row.expires_at is None else int(row.expires_at.timestamp())
    return {"id": row.fingerprint, "client": row.client_id, "expires": expires}


def _provider(row: TokenProvider) -> dict[str, Any]:
    return {
        "id": row.id,
        "issuer": row.issuer,
        "audiences": sorted(row.audiences),
        "algorithms": sorted(row.algorithms),
        "client_claim": row.client_claim,
        "end_user_claim": row.end_user_claim,
        "keys": row.jwks.get("keys", []),
    }


def _speaker(row: TokenClient) -> dict[str, Any]:
    return {
        "id": row.pk,
        "provider": row.provider_id,
        "value": row.value,
        "client": row.client_id,
    }
