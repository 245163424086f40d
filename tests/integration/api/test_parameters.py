"""A query parameter that nobody knows is refused: a misspelt filter must not show everything."""

import pytest
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db
LISTS = [
    *("audit", "clients", "keys", "url-keys", "grants"),
    *("collections", "files", "years", "roots", "changes"),
]


@pytest.mark.parametrize("path", LISTS)
def test_every_list_refuses_a_parameter_it_does_not_know(api: APIClient, path: str) -> None:
    answer = api.get(f"/api/v1/{path}?clinet=portal")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert "no such parameter" in answer.json()["errors"]["clinet"][0]


@pytest.mark.parametrize("path", LISTS)
def test_every_list_answers_without_parameters(api: APIClient, path: str) -> None:
    assert api.get(f"/api/v1/{path}").status_code == 200


def test_the_known_parameters_are_named(api: APIClient) -> None:
    text = api.get("/api/v1/audit?clinet=portal").json()["errors"]["clinet"][0]
    assert {"client,", "after,", "page_size,"} <= set(text.split())


@pytest.mark.parametrize(
    "search",
    [
        "audit?client=portal&page_size=5",
        "files?collection=photos&prefix=a&page_size=5",
        "years?year=2026&state=open",
        "roots?node=node-1&present=true",
        "grants?collection=photos",
        "changes?page_size=5",
    ],
)
def test_what_the_description_names_is_taken(api: APIClient, search: str) -> None:
    assert api.get(f"/api/v1/{search}").status_code == 200


def test_whoever_may_not_look_is_not_told_the_parameters(api: APIClient) -> None:
    api.credentials()
    assert api.get("/api/v1/audit?clinet=portal").status_code == 401
