"""`manage.py client`, `api_key` and `url_key`: each act recorded, each secret printed once."""

import base64
import datetime as dt
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from skold import services
from skold.models import ApiKey, Client, CredentialUse, UrlKey
from skold.urls import decode_wrapped, unwrap_url_key

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out, stderr=io.StringIO())
    return out.getvalue().strip()


def facts(*words: str) -> Any:
    return json.loads(run(*words, "--json"))


def test_a_client_is_made_changed_and_switched_off(plane: "Control") -> None:
    run("client", "create", "portal", "--name", "Portal", "--range", "10.0.0.0/8")
    run("client", "change", "portal", "--end-users", "required")
    assert facts("client", "disable", "portal") == [
        {
            "id": "portal",
            "name": "Portal",
            "enabled": False,
            "address_ranges": ["10.0.0.0/8"],
            "may_act_for": "required",
        }
    ]
    assert facts("client", "list") == facts("client", "disable", "portal")
    with pytest.raises(CommandError, match="There is no client"):
        run("client", "enable", "nobody")
    with pytest.raises(CommandError, match="address_ranges"):
        run("client", "change", "portal", "--range", "10.0.0.1/8")
    record = plane.records("req")[-1]
    assert (record["resource"], record["credential"]) == ("client:portal", "command")
    assert record["personal"]["end_user"].startswith("command:")
    assert plane.records("done")[-1]["outcome"] == "failed"
    assert Client.objects.get().created_by.startswith("command:")


def test_an_api_key_is_issued_rotated_and_revoked(plane: "Control") -> None:
    run("client", "create", "portal", "--name", "Portal")
    services.give_grant(
        actor="test", client=Client.objects.get(), collection="*", actions=["administer"]
    )

    def status(secret: str) -> int:
        plane.publish()
        headers = {"Authorization": f"Bearer {secret}"}
        return Browser().get("/api/v1/clients", headers=headers).status_code

    first = run("api_key", "issue", "portal", "--label", "web")
    assert status(first) == 200
    key = ApiKey.objects.get()
    second = facts("api_key", "rotate", key.pk, "--days", "3")
    assert (second["label"], second["client"]) == ("web", "portal")
    assert status(first) == status(second["secret"]) == 200
    key.refresh_from_db()
    left = key.expires_at - timezone.now()
    assert dt.timedelta(days=2.9) < left <= dt.timedelta(days=3)
    with pytest.raises(CommandError, match="live keys already"):
        run("api_key", "rotate", second["id"])
    CredentialUse.objects.create(credential=key.pk, last_used_at=timezone.now())
    listed = {each["id"]: each for each in facts("api_key", "list", "portal")}
    assert listed[key.pk]["last_used_at"]
    assert listed[second["id"]]["last_used_at"] is None
    assert "secret" not in str(listed)
    run("api_key", "revoke", key.pk)
    assert status(first) == 401
    with pytest.raises(CommandError, match="has ended"):
        run("api_key", "rotate", key.pk)
    now = facts("api_key", "rotate", second["id"], "--days", "0")
    assert (status(second["secret"]), status(now["secret"])) == (401, 200)
    for secret in (first, second["secret"], now["secret"]):
        assert secret not in json.dumps(plane.records())


def test_a_rotation_never_lengthens_a_life(plane: "Control") -> None:
    client = services.create_client(actor="test", id="portal", name="Portal")
    soon = timezone.now() + dt.timedelta(hours=1)
    key = services.issue_api_key(actor="test", client=client, expires_at=soon).key
    services.rotate_api_key(actor="test", key=key, days=30)
    key.refresh_from_db()
    assert key.expires_at == soon


def test_rotation_over_http_and_on_the_page(plane: "Control", admin_client: Browser) -> None:
    root = plane.client("root", ["administer"])
    key = ApiKey.objects.get()
    headers = {"Authorization": f"Bearer {root}"}
    url = f"/api/v1/keys/{key.pk}/rotate"
    post = Browser().post
    wrong = post(url, {"days": 91}, content_type="application/json", headers=headers)
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["days"])
    made = post(url, {"days": 1}, content_type="application/json", headers=headers)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("skd_")
    assert made["Cache-Control"] == "no-store"
    assert plane.records("done")[-1]["resource"] == f"api-key:{made.json()['id']}"

    services.revoke_api_key(actor="test", key=key)
    page = reverse("admin:skold_apikey_rotate", args=[made.json()["id"]])
    assert b"days you give" in admin_client.get(page).content
    shown = admin_client.post(page, {"days": "2"})
    assert shown.status_code == 200
    assert b"skd_" in shown.content
    assert "no-store" in shown["Cache-Control"]
    assert ApiKey.objects.filter(revoked_at=None).count() == 2


def test_signing_keys_rotate_and_are_wrapped_anew(plane: "Control") -> None:
    run("client", "create", "portal", "--name", "Portal")
    first = facts("url_key", "issue", "portal")
    second = facts("url_key", "rotate", first["id"], "--days", "1")
    assert UrlKey.objects.count() == 2
    assert first["secret"] != second["secret"]
    old, new = {1: b"a" * 32}, {1: b"a" * 32, 2: b"b" * 32}
    UrlKey.objects.all().delete()
    client = Client.objects.get()
    issued = services.issue_url_key(actor="test", client=client, wrapping_keys=old)
    assert services.rewrap_url_keys(actor="test", wrapping_keys=new) == [issued.key.pk]
    assert services.rewrap_url_keys(actor="test", wrapping_keys=new) == []
    key = UrlKey.objects.get()
    assert key.wrapping == 2
    secret = unwrap_url_key(new[2], key.pk, decode_wrapped(key.wrapped))
    assert base64.b64encode(secret).decode() == issued.secret
    UrlKey.objects.all().delete()
    assert facts("url_key", "rewrap", "--dry-run")["keys"] == []
    assert run("url_key", "rewrap").startswith("0 signing keys")
