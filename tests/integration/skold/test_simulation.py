"""Asking the gate. The promise: what the page, the API and the command say is what a request would
meet, under the policy on disk; and asking is an access like any other.
"""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.urls import reverse
from pytest_django import Settings

from contentserver import control
from contentserver.conf import config
from skold import services
from skold.gate import Gate, Principal, RequestFacts
from skold.models import Client
from skold.policy import Policy
from skold.simulation import Wish, simulate
from tests.support.plane import Home
from tests.support.policies import NOW, WRAPPING, Institution, client, grant
from tests.support.records import records

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(home: Home, settings: Settings) -> Iterator[Home]:
    """A home with a client that may read photos below a/ of certain years."""
    home.add_client("campus", actions=["read"], collection="photos", prefix="a/")
    home.policy["grants"][-1] |= {"first_year": 2024, "last_year": 2025}
    home.policy["clients"][-1] |= {"address_ranges": ["10.0.0.0/8"], "requests_per_second": 5}
    home.publish_policy()
    settings.CONFIG = home.config
    control.install(home.config)
    yield home
    control.install(config())


def ask(**given: Any) -> dict[str, Any]:
    wish = {"client": "campus", "action": "read", "place": "photos/a/1.jpg", **given}
    names = [wish.pop(name) for name in ("client", "action", "place")]
    out = StringIO()
    code = 0
    try:
        call_command("may", *names, json=True, stdout=out, **wish)
    except SystemExit as end:
        code = int(end.code or 0)
    found: dict[str, Any] = json.loads(out.getvalue())
    assert code == (0 if found["allowed"] else 1)
    return found


@pytest.mark.parametrize(
    ("given", "status", "reason", "change"),
    [
        ({"year": 2025}, 200, "granted", ""),
        ({"year": 2026}, 404, "outside_years", "reaches 2026"),
        ({"place": "photos/b.jpg"}, 404, "no_grant", "prefix b.jpg begins with"),
        ({"action": "write"}, 404, "no_grant", "write in photos"),
        ({"place": "photos"}, 404, "no_grant", "without a prefix"),
        ({"place": "nowhere/a"}, 404, "unknown_collection", "Make the collection"),
        ({"client": "nobody"}, 401, "unknown_client", "Make the client"),
        ({"address": "203.0.113.1"}, 401, "address_outside", "10.0.0.0/8"),
        ({"credential": "certificate"}, 401, "no_live_credential", "Issue"),
        ({"end_user": "a\nb", "year": 2025}, 401, "malformed_on_behalf_of", "256 bytes"),
        ({"address": "10.1.2.3", "year": 2024, "end_user": "kim"}, 200, "granted", ""),
    ],
)
def test_it_says_what_a_request_would_meet_and_what_would_have_to_change(
    house: Home, given: dict[str, Any], status: int, reason: str, change: str
) -> None:
    found = ask(**given)
    assert (found["status"], found["reason"]) == (status, reason)
    assert found["allowed"] is (status == 200)
    assert change in " ".join(found["changes"])
    assert bool(found["changes"]) is (status != 200)


def test_without_a_year_it_says_which_years(house: Home) -> None:
    found = ask()
    assert (found["allowed"], found["rule"], found["years"]) == (True, "grant:2", [[2024, 2025]])


def test_the_answer_is_that_of_the_gate_for_every_wish() -> None:
    house = Institution()
    house.payload["clients"] = [
        client("campus", address_ranges=["10.0.0.0/8"]),
        client("asks", may_act_for="required"),
    ]
    house.payload["keys"][0]["expires"] = None
    house.payload["keys"].append({**house.payload["keys"][0], "id": "other", "client": "asks"})
    house.payload["grants"] = [
        grant(1, "campus", "photos", "read", prefix="a", first_year=2024, last_year=2025),
        grant(2, "campus", "*", "write"),
        grant(3, "asks", "photos", "read"),
    ]
    policy = Policy.from_payload(house.payload)
    gate = Gate(lambda: policy, WRAPPING, lambda: NOW * 10**9)
    wishes = [
        Wish(who, action, "photos", key, year, "api_key", user, "10.1.2.3")
        for who in ("campus", "asks")
        for action in ("read", "write", "delete")
        for key in ("a.jpg", "b.jpg", None)
        for year in (2023, 2024, None)
        for user in (None, "kim")
    ]
    for wish in wishes:
        known = None if wish.end_user is None else "asserted"
        principal = Principal(wish.client, "k", "api_key", wish.end_user, known)
        said = gate.decide(
            principal,
            wish.action,
            "photos",
            wish.key,
            wish.year,
            year_follows=wish.year is None,
        )
        assert simulate(policy, house.payload, WRAPPING, wish).decision == said, wish
    facts = RequestFacts("GET", b"/", b"", f"Bearer {house.key.plaintext}", None, "192.0.2.1")
    outside = Wish("campus", "read", "photos", "a.jpg", address="192.0.2.1")
    assert (
        simulate(policy, house.payload, WRAPPING, outside).decision.reason
        == gate.identify(facts).reason  # type: ignore[union-attr]
    )


def test_it_tells_the_policy_and_that_the_database_is_ahead(house: Home) -> None:
    services.create_client(actor="test", id="fresh", name="Fresh")
    policy = ask()["policy"]
    assert policy["number"] == 2
    assert policy["age_seconds"] < 60
    assert {"clients", "grants"} <= set(policy["waiting"])
    assert policy["restored"] is True


def test_the_command_is_recorded_and_refuses_an_address_that_is_none(house: Home) -> None:
    ask()
    request, done = [each for each in records(house) if each["kind"] in {"req", "done"}]
    assert request["resource"] == "simulation:campus"
    assert request["private"]["end_user"].startswith("command:")
    assert (done["ref"], done["outcome"]) == (request["n"], "served")
    with pytest.raises(CommandError, match=r"10\.1\.2\.3"):
        ask(address="nowhere")


def test_the_api_answers_whoever_may_administer_and_records_it(
    house: Home, client: Browser
) -> None:
    def post(api_key: str, **wish: Any) -> Any:
        return client.post(
            "/api/v1/policy/simulate",
            json.dumps({"client": "campus", "action": "read", **wish}),
            content_type="application/json",
            headers={"Authorization": f"Bearer {api_key}"},
        )

    answer = post(house.api_key, collection="photos", key="a/1.jpg", year=2025)
    assert answer.status_code == 200
    assert (answer.json()["allowed"], answer.json()["rule"]) == (True, "grant:2")
    assert post(house.api_key, key="a/1.jpg").status_code == 400
    assert post(house.add_client("other"), collection="photos").status_code == 401
    made = next(each for each in records(house) if each["kind"] == "done")["resource"]
    assert made == "simulation:campus"


def test_the_page_shows_the_answer_the_grant_and_the_way_out(
    house: Home, admin_client: Browser, django_user_model: Any
) -> None:
    Client.objects.create(id="campus", name="Campus", created_by="test")
    url = reverse("admin:skold_client_may")
    assert "What may a client do?" in admin_client.get(url, {"client": "campus"}).content.decode()
    wish = {"client": "campus", "action": "read", "collection": "photos", "credential": "api_key"}
    allowed = admin_client.get(url, {**wish, "key": "a/1.jpg", "year": 2025}).content.decode()
    assert 'data-answer="allowed"' in allowed
    assert reverse("admin:skold_grant_change", args=[2]) in allowed
    assert "The database is ahead" in allowed
    refused = admin_client.get(url, {**wish, "key": "b.jpg"}).content.decode()
    assert 'data-answer="refused"' in refused
    assert "no grant" in refused
    assert "prefix=b.jpg" in refused
    outside = admin_client.get(url, {**wish, "key": "a/1.jpg", "year": 2026}).content.decode()
    assert "first_year=2026&amp;last_year=2026" in outside
    made = [
        each["resource"] for each in records(house) if each["kind"] == "done" if "resource" in each
    ]
    assert made[-1] == "simulation:campus"
    bad = admin_client.get(url, {**wish, "collection": "", "key": "b.jpg"}).content.decode()
    assert "Name the collection of the key." in bad
