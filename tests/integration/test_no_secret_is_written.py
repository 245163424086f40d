"""Every kind of credential through both planes at the most talkative level; then every log, journal
and table is searched for them."""

import json
import secrets
import time

import jwt
import psycopg
import pytest
from django.contrib.auth import get_user_model
from psycopg import sql

from contentserver import runtime
from skold.credentials import new_api_key
from skold.urls import new_url_secret, sign_url, wrap_url_key
from tests.support.bridge import RunningBridge, database_url
from tests.support.plane import DataPlane, replaced_environment

PASSWORD = "pa55-" + "of-the-auditor"
PATH = "/v1/content/photos/a.jpg"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def plane(start_data_plane, monkeypatch):
    """Both planes on one port, with PostgreSQL and a bridge."""
    monkeypatch.setattr(DataPlane, "arguments", ())
    return start_data_plane(
        DATABASE_URL=database_url(),
        CONTENTSERVER_LOG_LEVEL="DEBUG",
        CONTENTSERVER_NODE="node-secrets",
    )


def drive(plane: DataPlane) -> dict[str, str]:
    """What was sent, good and bad, by name: none of it may be found again."""
    sent = {"api key": plane.api_key.split("_")[2], "password": PASSWORD}
    assert plane.http.put(PATH, content=b"bytes").status_code == 201
    for prefix in ("/v1/content/photos", "/api/v1"):
        sent |= _bearers(plane, prefix)
    sent |= _signed(plane)
    sent |= _signed_in(plane)
    proof = secrets.token_hex(24)
    plane.client().get(PATH, headers={"X-SSL-Client-Verify": "SUCCESS", "X-SSL-Client-Cert": proof})
    return sent | {"certificate": proof}


def _bearers(plane: DataPlane, prefix: str) -> dict[str, str]:
    stranger = new_api_key().plaintext
    token = jwt.encode({"sub": "anna"}, secrets.token_hex(32), algorithm="HS256")
    basic = secrets.token_hex(16)
    tries = {
        "stranger": f"Bearer {stranger}",
        "cut": f"Bearer {stranger[:-3]}",
        "token": f"Bearer {token}",
        "basic": f"Basic {basic}",
        "nothing": f"Whatever {basic}",
    }
    for authorization in tries.values():
        for path in (f"{prefix}/a.jpg", f"{prefix}/files", f"{prefix}/audit"):
            plane.client().get(path, headers={"Authorization": authorization})
    doubled = [("Authorization", f"Bearer {stranger}"), ("Authorization", f"Bearer {token}")]
    plane.client().get(f"{prefix}/a.jpg", headers=doubled)
    return {
        f"stranger {prefix}": stranger.split("_")[2],
        f"token {prefix}": token.rsplit(".", 1)[1],
        f"basic {prefix}": basic,
    }


def _signed(plane: DataPlane) -> dict[str, str]:
    secret = new_url_secret()
    with replaced_environment(plane.environment):
        number, wrapping = max(runtime.data_keyset(plane.config).url_keys.items())
    plane.policy["url_keys"].append(
        {
            "id": "kid-1",
            "client": "tester",
            "wrapped": wrap_url_key(wrapping, "kid-1", secret),
            "wrapping": number,
            "expires": None,
        }
    )
    plane.obey()
    good = sign_url(secret, "kid-1", "GET", PATH, expires=int(time.time()) + 600)
    query = good.partition("?")[2]
    assert plane.client().get(good).status_code == 200
    plane.client().get(f"{PATH}x?{query}")
    plane.client().get(f"/api/v1/files?{query}")
    plane.http.get(good)
    return {"signature": good.rpartition("sig=")[2], "url secret": secret.hex()}


def _signed_in(plane: DataPlane) -> dict[str, str]:
    get_user_model().objects.create_superuser("auditor", password=PASSWORD)
    browser = plane.client()
    login = "/admin/login/"
    browser.get(login)
    token = browser.cookies["csrftoken"]
    for password in ("wrong-" + PASSWORD, PASSWORD):
        browser.post(
            login,
            data={"username": "auditor", "password": password, "csrfmiddlewaretoken": token},
        )
    browser.get("/admin/skold/auditrecord/")
    browser.post(login, data={"username": "auditor", "password": PASSWORD})  # without the token
    browser.post("/admin/", content=b"{", headers={"Content-Type": "application/json"})
    return {"csrf": token}


def everything_written(plane: DataPlane, bridge: RunningBridge) -> dict[str, bytes]:
    """Logs, journal and ledger, and every table as text, by name."""
    found = {"log": plane.read_log().encode(), "bridge": bridge.read_log().encode()}
    for folder in (*plane.config.journal_dirs, plane.config.ledger, plane.config.run):
        for path in folder.rglob("*"):
            if path.is_file():
                found[str(path)] = path.read_bytes()
    with psycopg.connect(database_url()) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (name,) in names:
            rows = connection.execute(
                sql.SQL("SELECT row_to_json(t)::text FROM {} t").format(sql.Identifier(name))
            ).fetchall()
            found[name] = b"\n".join(row[0].encode() for row in rows)
    return found


def test_it_is_in_no_log_no_journal_and_no_table(plane):
    with replaced_environment(plane.environment):
        bridge = RunningBridge(plane, database_url())
    bridge.start()
    try:
        sent = drive(plane)
        bridge.wait_until(lambda: b'"req"' in everything_written(plane, bridge)["skold_audit"])
        written = everything_written(plane, bridge)
    finally:
        bridge.kill()
    assert len(written["log"]) > 1000
    assert json.loads(written["log"].splitlines()[0])
    assert sum(len(text) for name, text in written.items() if ".skj" in name) > 5000
    found = [
        (name, place)
        for name, secret in sent.items()
        for place, text in written.items()
        if secret.encode() in text
    ]
    assert found == []
