"""The same ways in on the control plane: tokens, certificates, two credentials, end users."""

import dataclasses
import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.conf import settings as conf
from django.test import Client as Browser
from django.utils import timezone
from pytest_django import Settings

from skold.models import ClientCertificate, TokenProvider
from skold.services import (
    add_certificate,
    create_client,
    create_token_provider,
    give_grant,
    issue_api_key,
    name_token_client,
    revoke_certificate,
)
from skold.services.token_providers import take_keys
from skold.token_keys import TokenKeys
from tests.support.certificates import Authority
from tests.support.token_provider import AUDIENCE, Served, serving
from tests.support.token_provider import TokenProvider as Provider

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

pytestmark = pytest.mark.django_db
PROXY = "10.9.0.3"


class Campus:
    """The client "portal" with a key, a certificate and tokens of a provider; all published."""

    def __init__(self, plane: "Control", served: Served) -> None:
        self.plane, self.served, self.provider = plane, served, Provider()
        served.publish(self.provider)
        self.client = create_client(actor="test", id="portal", name="Portal")
        give_grant(actor="test", client=self.client, collection="*", actions=["administer"])
        self.key = issue_api_key(actor="test", client=self.client).plaintext
        self.pem = Authority().issue("portal").pem
        self.certificate = add_certificate(actor="test", client=self.client, pem=self.pem.decode())
        self.row = create_token_provider(
            actor="test", id="idp", issuer=served.url, audiences=[AUDIENCE], algorithms=["ES256"]
        )
        name_token_client(actor="test", provider=self.row, value="portal-app", client=self.client)
        assert take_keys(provider=self.row) == ""
        plane.publish()

    def ask(self, peer: str = PROXY, **headers: str) -> tuple[int, dict[str, Any]]:
        """Status, and the record of the access."""
        answer = Browser().get("/api/v1/clients", headers=headers, REMOTE_ADDR=peer)
        return answer.status_code, self.plane.records("req")[-1]

    def handed(self, verify: str = "SUCCESS") -> dict[str, str]:
        escaped = quote(self.pem.decode(), safe="")
        return {"X-SSL-Client-Verify": verify, "X-SSL-Client-Cert": escaped}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture
def campus(plane: "Control", served: Served, settings: Settings) -> Campus:

    settings.CONFIG = dataclasses.replace(conf.CONFIG, trusted_proxies=(PROXY,))
    return Campus(plane, served)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_token_opens_the_api_and_names_its_end_user(campus: Campus) -> None:
    status, record = campus.ask(**bearer(campus.provider.token()))
    assert status == 200
    assert (record["client"], record["end_user_known"]) == ("portal", "token")
    assert record["personal"]["end_user"] == "anna"
    assert record["credential"].startswith("token:idp/")


def test_a_certificate_opens_the_api_from_the_proxy_alone(campus: Campus) -> None:
    status, record = campus.ask(**campus.handed(), **{"X-Forwarded-For": "192.0.2.7"})
    assert (status, record["client"]) == (200, "portal")
    assert record["credential"] == f"certificate:{campus.certificate.pk}"
    assert record["personal"]["network"] == "192.0.2.7"
    status, record = campus.ask(peer="192.0.2.7", **campus.handed())
    assert (status, record["reason"]) == (401, "certificate_not_from_proxy")
    status, record = campus.ask(peer="192.0.2.7", **{"X-SSL-Client-Verify": "NONE"})
    assert (status, record["reason"]) == (401, "certificate_not_from_proxy")
    status, _ = campus.ask(**bearer(campus.key), **{"X-SSL-Client-Verify": "NONE"})
    assert status == 200
    revoke_certificate(actor="test", certificate=campus.certificate)
    campus.plane.publish()
    status, record = campus.ask(**campus.handed())
    assert (status, record["reason"]) == (401, "unknown_certificate")


def test_two_credentials_are_a_reject(campus: Campus) -> None:
    for other in (campus.key, campus.provider.token()):
        status, record = campus.ask(**campus.handed(), **bearer(other))
        assert (status, record["reason"]) == (401, "two_credentials")


@pytest.mark.parametrize("way", ["key", "token", "token of the client", "certificate"])
@pytest.mark.parametrize("named", [None, "anna", "bob", "an\nna"])
def test_how_well_the_end_user_is_known(campus: Campus, way: str, named: str | None) -> None:
    headers = {
        "key": bearer(campus.key),
        "token": bearer(campus.provider.token()),
        "token of the client": bearer(campus.provider.token(sub=None)),
        "certificate": campus.handed(),
    }[way]
    given = {} if named is None else {"On-Behalf-Of": named}
    status, record = campus.ask(**headers, **given)
    wrong = "on_behalf_of_differs_from_token" if way == "token" else "malformed_on_behalf_of"
    if named == "an\nna":
        assert (status, record["reason"]) == (401, "malformed_on_behalf_of")
    elif way == "token" and named == "bob":
        assert (status, record["reason"]) == (401, wrong)
    else:
        person = "anna" if way == "token" else named
        known = "token" if way == "token" else "asserted" if named else None
        found = (record.get("end_user_known"), record["personal"].get("end_user"))
        assert (status, *found) == (200, known, person)


def test_keys_follow_a_rotation_and_stay_when_the_provider_fails(campus: Campus) -> None:

    now = timezone.now()
    clock = {"now": now}
    loop = TokenKeys(lambda: clock["now"])
    assert loop() is False
    asked = len(campus.served.asked)
    clock["now"] = now + dt.timedelta(minutes=4)
    loop()
    assert len(campus.served.asked) == asked, "not before five minutes have passed"

    campus.provider.rotate("key-2", keep=False)
    status, record = campus.ask(**bearer(campus.provider.token()))
    assert (status, record["reason"]) == (401, "unknown_token_key")
    campus.served.publish(campus.provider)
    clock["now"] = now + dt.timedelta(minutes=5, seconds=1)
    loop()
    campus.plane.publish()
    assert campus.ask(**bearer(campus.provider.token()))[0] == 200

    good = TokenProvider.objects.get().jwks
    campus.served.put("/keys", {}, 500)
    clock["now"] += dt.timedelta(minutes=6)
    loop()
    row = TokenProvider.objects.get()
    assert "answers 500" in row.fetch_error
    assert row.jwks == good
    campus.plane.publish()
    assert campus.ask(**bearer(campus.provider.token()))[0] == 200
    gauges = loop.facts()["gauges"]
    assert gauges[0][3][0][0] == ["idp"]
    campus.served.publish(campus.provider)
    asked = len(campus.served.asked)
    clock["now"] += dt.timedelta(seconds=16)
    loop()
    assert len(campus.served.asked) > asked, "tried again sooner after an error"
    assert TokenProvider.objects.get().fetch_error == ""


def test_a_disabled_provider_is_no_longer_published(campus: Campus) -> None:
    TokenProvider.objects.update(enabled=False)
    campus.plane.publish()
    status, record = campus.ask(**bearer(campus.provider.token()))
    assert (status, record["reason"]) == (401, "unknown_token_issuer")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("issuer", {"issuer": "http://id.example.org"}),
        ("audiences", {"audiences": []}),
        ("algorithms", {"algorithms": ["HS256"]}),
        ("algorithms", {"algorithms": []}),
        ("jwks_url", {"jwks_url": "http://192.0.2.1/keys"}),
    ],
)
def test_a_provider_that_proves_nothing_is_refused_and_the_field_named(
    campus: Campus, field: str, change: dict[str, Any]
) -> None:
    given = {"id": "other", "issuer": "https://other.example.org", "audiences": ["x"]}
    answer = Browser().post(
        "/api/v1/token-providers",
        {**given, "algorithms": ["ES256"], **change},
        content_type="application/json",
        headers=bearer(campus.key),
    )
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]


def test_certificates_are_taken_as_pem_and_private_keys_never(campus: Campus) -> None:
    made = Authority().issue("new")
    url = "/api/v1/certificates"
    headers = bearer(campus.key)

    def post(pem: bytes) -> Any:
        data = {"client": "portal", "pem": pem.decode()}
        return Browser().post(url, data, content_type="application/json", headers=headers)

    assert post(made.pem).status_code == 201
    for wrong in (made.key, made.pem + made.key, made.pem * 2, b"x", made.pem):
        assert post(wrong).status_code == 400
    shown = Browser().get(f"{url}/{campus.certificate.pk}", headers=headers).json()
    assert shown["client"] == "portal"
    assert ClientCertificate.objects.count() == 2
