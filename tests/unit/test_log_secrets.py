"""What looks like a credential reaches no log, in whichever form it came."""

import io
import json
import logging
import logging.config

import pytest

from contentserver.correlation import serving
from contentserver.log_secrets import hide
from contentserver.logs import logging_config
from skold.credentials import new_api_key

SECRET = "Zm9yYmlkZGVuLXNlY3JldC0wMTIzNDU2Nzg5"

TEXTS = [
    f"Authorization: Bearer {SECRET}",
    f"authorization: Basic {SECRET}==",
    f"(b'authorization', b'Bearer {SECRET}')",
    f"headers={{'Authorization': 'Bearer {SECRET}'}}",
    f'{{"Cookie": "contentserver_session={SECRET}; csrftoken={SECRET}"}}',
    f"Set-Cookie: contentserver_session={SECRET}; HttpOnly",
    f"[(b'cookie', b'sessionid={SECRET}')]",
    f"GET /v1/content/a/b?expires=1&kid=k&sig={SECRET} HTTP/1.1",
    f"/v1/content/a/b?sig={SECRET}&expires=1",
    f"postgresql://content:{SECRET}@db:5432/content",
    f"redis://:{SECRET}@valkey/0",
    f"host=db user=content password={SECRET} dbname=content",
    f"password='{SECRET}' user=x",
    f'{{"password": "{SECRET}"}}',
    f"{{'PASSWORD': '{SECRET}'}}",
    f"eyJhbGciOiJFUzI1NiJ9.{SECRET}.{SECRET}",
    f"https://log.example.org/take?token={SECRET}",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
    f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_written_without_its_secret(text):
    assert SECRET not in hide(text)


def test_of_an_api_key_the_id_stays():
    key = new_api_key()
    found = hide(f"client sent {key.plaintext}, twice: {key.plaintext}")
    assert key.key_id in found
    assert key.plaintext[18:] not in found


@pytest.mark.parametrize(
    "text",
    [
        "12 records of node-1 numbered in 0.3 s",
        "https://log.example.org:8443/take?from=us",
        "2026-11-24T10:00:00Z a:b@c",
        "The token provider answered 503",
        "students/anna.jpg was stored as 2026.1",
    ],
)
def test_other_texts_stay(text):
    assert hide(text) == text


@pytest.fixture
def written():
    stream = io.StringIO()
    formatter = dict(logging_config("DEBUG")["formatters"]["json"])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter.pop("()")(**formatter))
    logger = logging.getLogger("contentserver.test_log_secrets")
    logger.addHandler(handler)
    logger.propagate, logger.level = False, logging.DEBUG
    yield logger, stream.getvalue
    logger.removeHandler(handler)


def test_it_is_found_in_messages_fields_tracebacks_and_objects(written):
    logger, text = written

    class Talkative:
        def __repr__(self):
            return f"<Request authorization=Bearer {SECRET}>"

    logger.info("took %s", f"Bearer {SECRET}")
    logger.info("fields", extra={"headers": {"cookie": SECRET, "x": [f"sig={SECRET}"]}})
    logger.info("names", extra={"client_secret": SECRET, "db_password": SECRET, "sig": SECRET})
    logger.info("object", extra={"request": Talkative()})
    try:
        int(f"postgresql://u:{SECRET}@db/x")
    except ValueError:
        logger.exception("failed")
    lines = [json.loads(line) for line in text().splitlines()]
    assert len(lines) == 5
    assert SECRET not in text()


def test_a_line_names_the_request_that_is_being_served(written):
    class Served:
        request_id = "r-17"

    logger, text = written
    token = serving.set(Served())
    try:
        logger.info("within")
    finally:
        serving.reset(token)
    logger.info("without")
    assert [json.loads(line).get("request_id") for line in text().splitlines()] == ["r-17", None]
