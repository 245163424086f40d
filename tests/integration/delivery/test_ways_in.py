"""Every route with every kind of credential: refused alike, and each refusal recorded."""

import statistics
import time
from collections.abc import Iterator

import httpx
import pytest

from contentserver.delivery.app import DataPlane as Application
from contentserver.delivery.legacy_addresses import READ, ROUTE
from contentserver.delivery.routes import PUBLIC, Routes
from tests.support.plane import DataPlane
from tests.support.records import pairs

OLD = {
    "pattern": "/old/{name}",
    "source": "photos",
    "collection": "photos",
    "key": "{name}",
    "client": None,
    "placeholder": None,
}


def registered_routes() -> list[tuple[str, str, bool]]:
    """Name, method, keyed of every route that is not public, from the table itself, and a legacy
    address, which no table holds.
    """
    table = Application.table(object())
    routes = [(route.name, route.method, route.keyed) for route in table if route.action != PUBLIC]
    return [*routes, *((ROUTE, method, False) for method in READ)]


def path_of(name: str, *, keyed: bool) -> str:
    if name == ROUTE:
        return "/old/ways-in"
    return f"/v1/{name}/photos/ways-in" if keyed else f"/v1/{name}"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    plane = DataPlane(tmp_path_factory.mktemp("ways") / "home")
    plane.expired = plane.add_key("tester", expires=1)  # type: ignore[attr-defined]
    plane.foreign = plane.add_client("foreign", collection="documents")  # type: ignore[attr-defined]
    plane.disabled = plane.add_client("disabled", enabled=False)  # type: ignore[attr-defined]
    plane.elsewhere = plane.add_client("elsewhere", address_ranges=["10.0.0.0/8"])  # type: ignore[attr-defined]
    plane.policy["attached"] = {"addresses": [OLD]}
    plane.publish_policy()
    try:
        plane.start()
        plane.http.put("/v1/content/photos/ways-in", content=b"secret").raise_for_status()
        yield plane
    finally:
        plane.close()


CREDENTIALS = [
    "none",
    "garbled",
    "unknown",
    "wrong_secret",
    "expired",
    "disabled",
    "elsewhere",
    "doubled",
    "basic",
]


def headers_for(plane: DataPlane, kind: str) -> list[tuple[str, str]]:
    good = plane.api_key
    flipped = good[:30] + ("A" if good[30] != "A" else "B") + good[31:]
    values = {
        "none": [],
        "garbled": ["Bearer skd_x"],
        "unknown": ["Bearer " + plane.add_key("nobody-published")],
        "wrong_secret": ["Bearer " + flipped],
        "expired": ["Bearer " + plane.expired],  # type: ignore[attr-defined]
        "disabled": ["Bearer " + plane.disabled],  # type: ignore[attr-defined]
        "elsewhere": ["Bearer " + plane.elsewhere],  # type: ignore[attr-defined]
        "doubled": ["Bearer " + good, "Bearer " + good],
        "basic": ["Basic dGVzdGVyOnNlY3JldA=="],
    }[kind]
    return [("Authorization", value) for value in values]


@pytest.mark.parametrize("kind", CREDENTIALS)
@pytest.mark.parametrize(("name", "method", "keyed"), registered_routes())
def test_no_route_opens_without_a_valid_credential(
    plane: DataPlane, name: str, method: str, keyed: bool, kind: str
) -> None:
    request_id = f"{kind}-{name}-{method}"
    with plane.client() as stranger:
        headers = [*headers_for(plane, kind), ("X-Request-Id", request_id)]
        answer = stranger.request(method, path_of(name, keyed=keyed), headers=headers)
    assert answer.status_code == (400 if kind == "doubled" else 401)
    assert b"secret" not in answer.content
    asked, done = pairs(plane, answer.headers["x-request-id"])
    assert [record["decision"] for record in asked] == ["refuse"]
    assert [record["status"] for record in done] == [answer.status_code]


@pytest.mark.parametrize(("name", "method", "keyed"), registered_routes())
def test_a_foreign_client_sees_what_a_missing_file_shows(
    plane: DataPlane, name: str, method: str, keyed: bool
) -> None:
    body = b'{"collection":"photos","keys":["ways-in"]}' if name == "heads" else b"x"
    with plane.client(plane.foreign) as foreign:  # type: ignore[attr-defined]
        refused = foreign.request(method, path_of(name, keyed=keyed), content=body)
    assert refused.status_code == 404
    missing = plane.http.request("GET", "/v1/content/photos/nowhere")
    ours = {"date", "x-request-id"}
    if method != "HEAD":
        assert refused.content == missing.content
    assert {k: v for k, v in refused.headers.items() if k not in ours} == {
        k: v for k, v in missing.headers.items() if k not in ours
    }
    asked, _ = pairs(plane, refused.headers["x-request-id"])
    assert asked[0]["decision"] == "refuse"
    assert asked[0]["client"] == "foreign"
    assert "address" in asked[0] or not keyed, "the story of a file tells who was refused"


def test_an_absent_file_is_recorded_as_allowed_and_not_found(plane: DataPlane) -> None:
    plane.http.get("/v1/content/photos/nowhere", headers={"X-Request-Id": "absent-1"})
    asked, done = pairs(plane, "absent-1")
    assert [record["decision"] for record in asked] == ["allow"]
    assert [(record["status"], record["outcome"]) for record in done] == [(404, "not_found")]


def test_unknown_key_and_wrong_secret_answer_alike(plane: DataPlane) -> None:
    answers: list[httpx.Response] = []
    for kind in ("unknown", "wrong_secret"):
        with plane.client() as stranger:
            answers.append(
                stranger.get("/v1/content/photos/ways-in", headers=headers_for(plane, kind))
            )
    assert answers[0].content == answers[1].content
    assert answers[0].headers["www-authenticate"] == answers[1].headers["www-authenticate"]


def test_forbidden_and_absent_take_about_the_same_time(plane: DataPlane) -> None:
    """A gross difference (a file opened or not, a hash made or not) would show in the median.

    They take turns, so that whatever else the machine does meets both.
    """

    def seconds(client: httpx.Client, url: str) -> float:
        began = time.perf_counter()
        client.get(url)
        return time.perf_counter() - began

    forbidden, absent = [], []
    with plane.client(plane.foreign) as foreign:  # type: ignore[attr-defined]
        for _ in range(150):
            forbidden.append(seconds(foreign, "/v1/content/photos/ways-in"))
            absent.append(seconds(plane.http, "/v1/content/photos/nowhere"))
    assert 0.5 < statistics.median(forbidden) / statistics.median(absent) < 2.0


def test_an_unknown_address_asks_for_a_credential_first(plane: DataPlane) -> None:
    with plane.client() as stranger:
        assert stranger.get("/v1/nothing/here").status_code == 401
    assert plane.http.get("/v1/nothing/here").status_code == 404
    refused = plane.http.patch("/v1/content/photos/ways-in")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "DELETE, GET, HEAD, PUT"


def test_a_revoked_key_is_refused_within_a_moment(start_data_plane) -> None:
    plane = start_data_plane()
    key = plane.add_key("tester")
    plane.obey()
    with plane.client(key) as client:
        assert client.get("/v1/content/photos/a").status_code == 404
        plane.policy["keys"] = [
            each for each in plane.policy["keys"] if not key.startswith(f"skd_{each['id']}")
        ]
        plane.obey()
        assert client.get("/v1/content/photos/a").status_code == 401


def test_a_route_without_a_policy_cannot_be_registered() -> None:
    async def handler() -> None: ...

    with pytest.raises(ValueError, match="none that Sköld decides on"):
        Routes().add("new", "GET", "", handler, keyed=True)
