"""How well an end user is known, by way in and by what the collection asks, on the data plane."""

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from contentserver import runtime
from skold.certificate_identity import read_certificate
from skold.urls import new_url_secret, sign_url, wrap_url_key
from tests.support.certificates import Authority
from tests.support.plane import COLLECTION, DataPlane, replaced_environment
from tests.support.records import records
from tests.support.token_provider import TokenProvider

RULES = ("optional", "required", "forbidden", "proof")
WAYS = ("key", "certificate", "own token", "token", "signed url")
PROXY = "127.0.0.1"


class Institution:
    """A running data plane with a collection for each rule, and every way in for one client."""

    def __init__(self, folder: Path) -> None:
        self.plane = DataPlane(folder / "home", CONTENTSERVER_TRUSTED_PROXIES=PROXY)
        self.provider = TokenProvider()
        self.secret = new_url_secret()
        self.pem = Authority().issue("tester").pem
        policy = self.plane.policy
        for rule in RULES:
            policy["collections"][rule] = {**copy.deepcopy(COLLECTION), "on_behalf_of": rule}
        policy["token_providers"] = [self.provider.row()]
        policy["token_clients"] = [
            {"id": 1, "provider": "idp", "value": "portal-app", "client": "tester"}
        ]
        fingerprint = read_certificate(self.pem).fingerprint
        policy["certificates"] = [{"id": fingerprint, "client": "tester", "expires": None}]
        self._add_url_key()
        self.plane.publish_policy()
        self.plane.start()

    def _add_url_key(self) -> None:
        with replaced_environment(self.plane.environment):
            wrapping = runtime.data_keyset(self.plane.config).url_keys[1]
        wrapped = wrap_url_key(wrapping, "kid-1", self.secret)
        row = {"id": "kid-1", "client": "tester", "wrapped": wrapped, "wrapping": 1}
        self.plane.policy["url_keys"].append({**row, "expires": None})

    def ask(self, way: str, rule: str, named: str | None) -> httpx.Response:
        path = f"/v1/content/{rule}/a.jpg"
        headers = {} if named is None or way == "signed url" else {"On-Behalf-Of": named}
        if way == "key":
            headers["Authorization"] = f"Bearer {self.plane.api_key}"
        elif way == "certificate":
            headers["X-SSL-Client-Verify"] = "SUCCESS"
            headers["X-SSL-Client-Cert"] = quote(self.pem.decode(), safe="")
        elif way == "own token":
            headers["Authorization"] = f"Bearer {self.provider.token(sub='portal-app')}"
        elif way == "token":
            headers["Authorization"] = f"Bearer {self.provider.token(sub='anna')}"
        else:
            expires = int(time.time()) + 60
            path = sign_url(self.secret, "kid-1", "GET", path, expires=expires, subject=named)
        return httpx.get(self.plane.url + path, headers=headers)


@pytest.fixture(scope="module")
def institution(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Institution]:
    made = Institution(tmp_path_factory.mktemp("end-users"))
    yield made
    made.plane.close()


def expected(way: str, rule: str, named: str | None) -> tuple[int, str | None]:
    """Status (404: let in, there is no such file), and how well the end user is known."""
    known = {"token": "token", "signed url": "signed_url" if named else None}.get(
        way, "asserted" if named else None
    )
    if rule == "optional":
        return 404, known
    if rule == "forbidden":
        return (400, known) if known else (404, None)
    if known is None or (rule == "proof" and known == "asserted"):
        return 400, known
    return 404, known


@pytest.mark.parametrize("named", [None, "anna"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", WAYS)
def test_each_way_in_meets_each_rule(
    institution: Institution, way: str, rule: str, named: str | None
) -> None:
    answer = institution.ask(way, rule, named)
    record = [each for each in records(institution.plane) if each["kind"] == "req"][-1]
    status, known = expected(way, rule, named)
    assert answer.status_code == status, answer.text
    assert record["client"] == "tester"
    assert record.get("end_user_known") == known
    assert record["private"].get("end_user") == ("anna" if known else None)


def test_a_token_and_another_name_are_refused(institution: Institution) -> None:
    assert institution.ask("token", "optional", "bob").status_code == 401
    record = [each for each in records(institution.plane) if each["kind"] == "req"][-1]
    assert record["reason"] == "on_behalf_of_differs_from_token"
    assert "eyJ" not in institution.plane.log.read_text(encoding="utf-8")
    assert "eyJ" not in str(records(institution.plane))
