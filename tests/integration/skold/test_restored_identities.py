"""After a restore of the database: certificates and tokens that were ended since stay ended."""

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from contentserver import runtime
from skold import services
from skold.models import ClientCertificate, PolicyState, TokenClient, TokenProvider
from skold.publisher import build_payload
from skold.restored_policy import confirm, difference
from skold.signed import Document, verify
from tests.support.certificates import Authority

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

pytestmark = pytest.mark.django_db
LONG_AGO = "2020-01-01T00:00Z"


def on_disk(plane: "Control") -> Document:
    keys = runtime.data_keyset(plane.config).verify_keys("policy")
    return verify(plane.config.policy.read_bytes(), "policy", keys)


def test_what_was_ended_since_the_backup_stays_ended(plane: "Control") -> None:
    client = services.create_client(actor="test", id="portal", name="Portal")
    pem = Authority().issue("portal").pem.decode()
    certificate = services.add_certificate(actor="test", client=client, pem=pem)
    kept, off = (
        services.create_token_provider(
            actor="test", id=name, issuer=f"https://{name}.example.org", audiences=["x"]
        )
        for name in ("kept", "off")
    )
    gone = services.name_token_client(actor="test", provider=kept, value="app", client=client)
    services.name_token_client(actor="test", provider=kept, value="other", client=client)
    services.name_token_client(actor="test", provider=off, value="app", client=client)
    backup = plane.publish()

    services.revoke_certificate(actor="test", certificate=certificate)
    services.change_token_provider(actor="test", provider=off, changes={"enabled": False})
    number = gone.pk
    services.forget_token_client(actor="test", named=gone)
    newest = plane.publish()

    ClientCertificate.objects.update(revoked_at=None, revoked_by="", created_at=LONG_AGO)
    TokenProvider.objects.update(enabled=True, created_at=LONG_AGO)
    TokenClient.objects.create(
        pk=number, provider=kept, value="app", client=client, created_by="test"
    )
    TokenClient.objects.update(created_at=LONG_AGO)
    PolicyState.objects.update(number=backup)
    document = on_disk(plane)
    said = difference(document.payload, build_payload(document.payload["collections"], {}))
    assert f"client portal: key {certificate.pk} was revoked after the backup; it stays so" in said
    assert f"client portal: key {number} was revoked after the backup; it stays so" in said
    assert "token provider off: disabled after the backup; it stays disabled" in said

    confirm(actor="anna", document=document, highest=newest)
    certificate.refresh_from_db()
    assert certificate.revoked_by == "anna"
    assert not TokenProvider.objects.get(pk="off").enabled
    assert TokenProvider.objects.get(pk="kept").enabled
    assert sorted(TokenClient.objects.values_list("provider_id", "value")) == [
        ("kept", "other"),
        ("off", "app"),
    ]
    payload = build_payload({}, {})
    assert payload["certificates"] == []
    assert [row["value"] for row in payload["token_clients"]] == ["other"]
    assert certificate.revoked_at is not None
    assert certificate.revoked_at <= timezone.now()
