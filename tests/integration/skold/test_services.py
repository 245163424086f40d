"""Keys are shown once and kept nowhere; nobody acts anonymously."""

import base64
import datetime as dt
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from skold import services
from skold.credentials import check
from skold.models import ApiKey, Client
from skold.policy import Policy
from skold.publisher import build_payload
from skold.restored_policy import difference

pytestmark = pytest.mark.django_db
ACTOR = "anna"


@pytest.fixture
def portal() -> Client:
    return services.create_client(actor=ACTOR, id="portal", name="Portal")


def in_seconds(seconds: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=seconds)


def everything_stored() -> str:
    from django.core import serializers

    from skold.models import UrlKey

    rows = [*Client.objects.all(), *ApiKey.objects.all(), *UrlKey.objects.all()]
    return serializers.serialize("json", rows)


def test_the_plaintext_of_a_key_is_stored_nowhere(
    portal: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    issued = services.issue_api_key(actor=ACTOR, client=portal)
    secret = issued.plaintext.split("_", 2)[2]
    assert check(issued.plaintext, bytes.fromhex(issued.key.sha256))
    assert secret not in everything_stored()
    assert secret not in caplog.text
    assert secret not in repr(issued)


def test_a_signing_key_is_stored_wrapped_only(
    portal: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrapping = {1: bytes(32), 2: bytes(range(32))}
    issued = services.issue_url_key(actor=ACTOR, client=portal, wrapping_keys=wrapping)
    assert issued.secret not in everything_stored() + caplog.text + repr(issued)
    assert issued.key.wrapping == 2
    raw = base64.b64decode(issued.key.wrapped)
    aad = b"skold/url/v1\0" + issued.key.pk.encode()
    opened = AESGCM(wrapping[2]).decrypt(raw[:12], raw[12:], aad)
    assert base64.b64encode(opened).decode() == issued.secret


def test_a_client_has_two_live_keys_at_most(portal: Client) -> None:
    first = services.issue_api_key(actor=ACTOR, client=portal)
    services.issue_api_key(actor=ACTOR, client=portal)
    with pytest.raises(ValidationError, match="2 live keys"):
        services.issue_api_key(actor=ACTOR, client=portal)
    services.revoke_api_key(actor=ACTOR, key=first.key)
    services.issue_api_key(actor=ACTOR, client=portal)


@pytest.mark.django_db(transaction=True)
def test_issuers_at_the_same_time_count_one_after_the_other(portal: Client) -> None:
    def issue(_: int) -> bool:
        try:
            services.issue_api_key(actor=ACTOR, client=portal)
        except ValidationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        issued = list(pool.map(issue, range(24)))
    assert sum(issued) == ApiKey.objects.count() == 2


def test_an_expired_key_makes_room_for_another(portal: Client) -> None:
    services.issue_api_key(actor=ACTOR, client=portal, expires_at=in_seconds(60))
    services.issue_api_key(actor=ACTOR, client=portal)
    ApiKey.objects.filter(expires_at__isnull=False).update(expires_at=in_seconds(-1))
    services.issue_api_key(actor=ACTOR, client=portal)


def test_a_key_is_not_issued_for_the_past(portal: Client) -> None:
    with pytest.raises(ValidationError, match="has passed already"):
        services.issue_api_key(actor=ACTOR, client=portal, expires_at=in_seconds(-1))


def test_the_first_who_revokes_is_remembered(portal: Client) -> None:
    key = services.issue_api_key(actor=ACTOR, client=portal).key
    services.revoke_api_key(actor="anna", key=key)
    services.revoke_api_key(actor="bert", key=key)
    key.refresh_from_db()
    assert key.revoked_by == "anna"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ({"id": "Portal"}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"id": "../etc"}, "id"),
        ({"address_ranges": ["10.0.0.1/8"]}, "address_ranges"),
        ({"address_ranges": ["everywhere"]}, "address_ranges"),
        ({"may_act_for": "maybe"}, "may_act_for"),
    ],
)
def test_a_wrong_client_names_the_field(field: dict[str, Any], wrong: str) -> None:
    given: dict[str, Any] = {"id": "portal", "name": "Portal", **field}
    with pytest.raises(ValidationError) as caught:
        services.create_client(actor=ACTOR, **given)
    assert list(caught.value.message_dict) == [wrong]


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"collection": "Photos", "actions": ["read"]}, "collection"),
        ({"collection": "photos", "actions": []}, "actions"),
        ({"collection": "photos", "actions": ["fly"]}, "actions"),
    ],
)
def test_a_wrong_grant_names_the_field(portal: Client, given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValidationError) as caught:
        services.give_grant(actor=ACTOR, client=portal, **given)
    assert list(caught.value.message_dict) == [wrong]


def test_the_name_of_a_client_never_changes(portal: Client) -> None:
    with pytest.raises(ValueError, match="cannot change id"):
        services.change_client(actor=ACTOR, client=portal, changes={"id": "other"})


def test_nobody_acts_anonymously(portal: Client) -> None:
    with pytest.raises(ValueError, match="actor is empty"):
        services.issue_api_key(actor="", client=portal)
    with pytest.raises(ValueError, match="actor is empty"):
        services.create_client(actor="", id="other", name="Other")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"first_year": 2026, "last_year": 2025}, "last_year"),
        ({"first_year": 0}, "first_year"),
        ({"last_year": 10_000}, "last_year"),
        ({"first_year": 2025, "actions": ["read", "audit"]}, "actions"),
        ({"last_year": 2025, "actions": ["administer"]}, "actions"),
    ],
)
def test_years_of_a_grant_must_mean_something(
    portal: Client, given: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        services.give_grant(
            actor=ACTOR, client=portal, collection="*", **{"actions": ["read"], **given}
        )
    assert list(caught.value.message_dict) == [field]


def test_years_and_limits_reach_the_policy(portal: Client) -> None:
    services.give_grant(
        actor=ACTOR, client=portal, collection="*", actions=["read"], first_year=2024
    )
    services.change_client(actor=ACTOR, client=portal, changes={"requests_per_second": 7})
    payload = build_payload({}, {})
    assert payload["clients"][0]["requests_per_second"] == 7
    assert (payload["grants"][-1]["first_year"], payload["grants"][-1]["last_year"]) == (2024, None)
    assert Policy.from_payload(payload).clients["portal"].requests_per_second == 7


def test_a_restored_database_shows_years_and_limits_that_differ(portal: Client) -> None:
    grant = services.give_grant(
        actor=ACTOR, client=portal, collection="*", actions=["read"], first_year=2024
    )
    services.change_client(actor=ACTOR, client=portal, changes={"requests_per_second": 7})
    on_disk = build_payload({}, {})
    services.withdraw_grant(actor=ACTOR, grant=grant)
    services.give_grant(actor=ACTOR, client=portal, collection="*", actions=["read"])
    services.change_client(actor=ACTOR, client=portal, changes={"requests_per_second": None})
    lines = "\n".join(difference(on_disk, build_payload({}, {})))
    assert "limit goes from 7 requests each second back to none" in lines
    assert "read @ */ 2024- was given after the backup; it ends" in lines
    assert "read @ */ was withdrawn after the backup; it holds again" in lines
