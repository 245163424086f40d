"""Signing, errors and settings of the Python client."""

import base64
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from contentserver.client import AsyncClient, Client, errors
from contentserver.client.errors import BY_TYPE, TYPE_BASE, error_of
from contentserver.client.headers import filename_of
from contentserver.client.signing import UrlKey, sign, signature_of
from contentserver.protocol.problems import PROBLEM_TYPES
from contentserver.protocol.problems import TYPE_BASE as OF_THE_SERVER
from tests.unit.client.script import Script

VECTORS = Path(__file__).resolve().parents[3] / "docs" / "vectors"


@pytest.mark.parametrize("path", sorted(VECTORS.glob("url-*.json")), ids=lambda path: path.stem)
def test_it_signs_as_the_vectors_say(path: Path) -> None:
    vector = json.loads(path.read_text(encoding="utf-8"))
    given = parse_qsl(vector["query"], keep_blank_values=True)
    methods = {vector["method"]} | ({"GET"} if vector["method"] == "HEAD" else set())
    methods |= {"PATCH"} if "/uploads/" in vector["path"] and vector["method"] == "HEAD" else set()
    secret = bytes.fromhex(vector["secret"])
    made = {signature_of(secret, method, vector["path"], given) for method in methods}
    assert (dict(given)["sig"] in made) == (vector["expect"] == "valid")


def test_a_signed_url_says_what_it_opens() -> None:
    script = Script()
    url = urlsplit(
        script.core.sign("GET", "c", "ä/b", lifetime=60, subject="m/é", version="2025.1")
    )
    assert (url.netloc, url.path) == ("first", "/v1/content/c/%C3%A4/b")
    given = dict(parse_qsl(url.query))
    assert given.pop("sig") == signature_of(b"secret", "GET", url.path, given.items())
    assert given == {"expires": "1060", "kid": "k1", "sub": "m/é", "version": "2025.1"}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"method": "POST"}, "method"), ({"disposition": "both"}, "disposition")],
)
def test_it_signs_nothing_that_no_server_accepts(wrong: dict[str, str], named: str) -> None:
    arguments = {"method": "GET", **wrong}
    with pytest.raises(ValueError, match=named):
        sign(UrlKey("k", b"s"), raw_path="/v1/content/c/k", expires=1, **arguments)  # type: ignore[arg-type]


def test_signing_without_a_key_says_what_is_missing() -> None:
    with Client("http://h") as client, pytest.raises(ValueError, match="url_key"):
        client.sign("GET", "c", "k")


def test_every_problem_that_has_a_class_is_one_of_the_servers() -> None:
    assert TYPE_BASE == OF_THE_SERVER
    assert BY_TYPE.keys() <= PROBLEM_TYPES.keys()


@pytest.mark.parametrize("slug", sorted(PROBLEM_TYPES))
def test_every_problem_of_the_server_is_a_typed_error(slug: str) -> None:
    row = PROBLEM_TYPES[slug]
    body = json.dumps({"type": row.type, "title": row.title, "detail": "d", "status": row.status})
    headers = {"content-type": "application/problem+json", "x-request-id": "r"}
    error = error_of(row.status, headers, body.encode())
    assert type(error) is not errors.ClientError
    assert (error.status, error.type, error.title, error.detail) == (
        row.status, slug, row.title, "d",
    )  # fmt: skip
    assert (error.request_id, str(error)) == ("r", f"{row.title}: d ({row.status}, request r)")
    assert row.status != 410 or isinstance(error, errors.Gone)


@pytest.mark.parametrize("body", [b"<html>secret of a proxy", b"{", b"[]", b""])
def test_an_answer_that_is_no_problem_is_one_all_the_same(body: bytes) -> None:
    for kind in ("text/html", "application/problem+json"):
        error = error_of(502, {"content-type": kind}, body)
        assert type(error) is errors.Unavailable
        assert str(error) == "the server answered 502 (502)"


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"media_type": "text/plain\r\nX-Evil: 1"}, "content-type"),
        ({"media_type": "tĕxt/plain"}, "content-type"),
        ({"data_subject": "a\nb"}, "data-subject"),
        ({"on_behalf_of": " anna"}, "on-behalf-of"),
        ({"if_match": '"a"\0'}, "if-match"),
    ],
)
def test_what_no_header_can_carry_is_named_and_not_sent(wrong: dict[str, str], named: str) -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(ValueError, match=named):
        client.put("c", "k", b"", **wrong)


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (None, None),
        ("attachment", None),
        ('attachment; filename="a.txt"', "a.txt"),
        ('inline; filename="a \\"b\\".txt"', 'a "b".txt'),
        ("attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%A9%2C.txt", "é,.txt"),
    ],
)
def test_it_reads_the_name_of_a_file(field: str | None, name: str | None) -> None:
    assert filename_of(field) == name


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"url": "ftp://h"}, "url"),
        ({"url": "http://h/v1"}, "url"),
        ({"url": "http://user:secret@h"}, "url"),
        ({"second_url": "h"}, "second_url"),
        ({"api_key": "a", "token": "b"}, "token"),
        ({"retries": -1}, "retries"),
        ({"timeout": 0}, "timeout"),
    ],
)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_wrong_argument_is_named(
    kind: type[Client] | type[AsyncClient], wrong: dict[str, object], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        kind(**{"url": "http://h", **wrong})  # type: ignore[arg-type]


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    from inspect import signature

    assert {*dir(Client)} - {"__enter__", "__exit__"} == {*dir(AsyncClient)} - {
        "__aenter__", "__aexit__",
    }  # fmt: skip
    for name in ("put", "get", "head", "stage", "download", "changes", "sign"):
        there, here = signature(getattr(AsyncClient, name)), signature(getattr(Client, name))
        assert there.parameters == here.parameters
        assert getattr(Client, name).__doc__


def test_no_secret_stands_in_a_repr_or_an_error() -> None:
    with Client("http://127.0.0.1:1", api_key="skd_secret", url_key=("k", b"secret")) as client:
        shown = f"{client!r} {vars(client)!r} {client._core.config!r}"
    assert "secret" not in shown


def test_the_environment_gives_what_a_client_needs() -> None:
    environment = {
        "CONTENTSERVER_URL": "http://h/",
        "CONTENTSERVER_API_KEY": "skd_x",
        "CONTENTSERVER_URL_KEY_ID": "k",
        "CONTENTSERVER_URL_KEY": base64.b64encode(b"s").decode(),
    }
    with Client.from_environment(environment) as client:
        assert client.url == "http://h"
        assert "kid=k" in client.sign("GET", "c", "k")
    with pytest.raises(ValueError, match="CONTENTSERVER_URL is missing"):
        Client.from_environment({})
    with pytest.raises(ValueError, match="CONTENTSERVER_URL_KEY_ID"):
        Client.from_environment({**environment, "CONTENTSERVER_URL_KEY_ID": ""})
    with pytest.raises(ValueError, match="CONTENTSERVER_URL_KEY is not base64"):
        Client.from_environment({**environment, "CONTENTSERVER_URL_KEY": "?"})


def test_a_file_of_settings_is_private_and_known_through(tmp_path: Path) -> None:
    path = tmp_path / "client.toml"
    path.write_text('url = "http://h"\napi_key = "skd_x"\nretries = 2\n', encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        Client.from_config(path)
    path.chmod(0o600)
    with Client.from_config(path) as client:
        assert (client.url, client._core.config.retries) == ("http://h", 2)
    path.write_text('url = "http://h"\nkey = "skd_x"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="key"):
        Client.from_config(path)
