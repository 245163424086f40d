"""Old URLs: the same gate and audit, a client by its network, a placeholder for what is missing."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.records import pairs
from tests.support.sources import Moving

PHOTO, NOBODY = b"a photo", b"a grey figure"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    plane = Moving(tmp_path_factory.mktemp("old") / "home")
    plane.here = plane.add_client(  # type: ignore[attr-defined]
        "here", actions=["read"], collection="hybrid", address_ranges=["127.0.0.0/8"]
    )
    plane.add_client("far", actions=["read"], collection="hybrid", address_ranges=["10.0.0.0/8"])
    plane.add_client("anywhere", actions=["read"], collection="hybrid")
    plane.add_client("off", enabled=False, address_ranges=["127.0.0.0/8"])
    plane.add_client("granted", collection="disk", address_ranges=["127.0.0.0/8"])
    plane.foreign = plane.add_client("foreign", collection="disk")  # type: ignore[attr-defined]
    plane.policy["attached"]["addresses"] = [
        address("/photo?id={id}", "here"),
        address("/files/{album}/{id}.jpg", "here", placeholder=None, key="{album}-{id}.jpg"),
        address("/far?id={id}", "far"),
        address("/anywhere?id={id}", "anywhere"),
        address("/off?id={id}", "off"),
        address("/gone?id={id}", "removed"),
        address("/granted?id={id}", "granted"),
        address("/none?id={id}", None),
        address("/v1/old?id={id}", "here"),
        address("/unplaced?id={id}", "here", placeholder="not-there.jpg"),
    ]
    plane.store("hybrid", "nobody.jpg", NOBODY)
    plane.legacy.put("hybrid", "7.jpg", PHOTO)
    plane.legacy.put("hybrid", "x-7.jpg", PHOTO)
    plane.publish_policy()
    try:
        yield plane.start()
    finally:
        plane.close()


def address(pattern: str, client: str | None, **facts: str | None) -> dict[str, str | None]:
    return {
        "pattern": pattern,
        "source": "hybrid",
        "collection": "hybrid",
        "key": "{id}.jpg",
        "client": client,
        "placeholder": "nobody.jpg",
        **facts,
    }


def ask(plane: Moving, url: str, key: str | None = None, method: str = "GET", **headers: str):
    with plane.client(key) as http:
        return http.request(method, url, headers=headers)


@pytest.mark.parametrize("url", ["/photo?id=7", "/files/x/7.jpg", "/photo?size=3&id=%37"])
def test_an_old_caller_gets_its_file_without_a_credential(plane: Moving, url: str) -> None:
    answer = ask(plane, url)
    assert (answer.status_code, answer.content) == (200, PHOTO)
    assert "x-placeholder" not in answer.headers
    asked, done = pairs(plane, answer.headers["x-request-id"])
    (record,) = asked
    assert record["route"] == "legacy_address"
    assert (record["client"], record["collection"], record["resource"]) == ("here", *["hybrid"] * 2)
    assert (record["action"], record["decision"]) == ("read", "allow")
    assert record["credential"] == "/files/{album}/{id}.jpg" if "files" in url else "/photo?id={id}"
    assert done[0]["status"] == 200
    head = ask(plane, url, method="HEAD")
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/far?id=7", "address_outside"),
        ("/anywhere?id=7", "no_address_ranges"),
        ("/off?id=7", "client_disabled"),
        ("/gone?id=7", "unknown_client"),
        ("/none?id=7", "no_credential"),
        ("/v1/old?id=7", "no_credential"),
        ("/elsewhere?id=7", "no_credential"),
        ("/photo", "no_credential"),
    ],
)
def test_everybody_else_needs_a_credential(plane: Moving, url: str, reason: str) -> None:
    answer = ask(plane, url)
    assert answer.status_code == 401
    asked, done = pairs(plane, answer.headers["x-request-id"])
    assert [(each["decision"], each["reason"]) for each in asked] == [("refuse", reason)]
    assert done[0]["status"] == 401


def test_with_a_credential_it_is_judged_as_ever(plane: Moving) -> None:
    answer = ask(plane, "/far?id=7", plane.api_key)
    assert (answer.status_code, answer.content) == (200, PHOTO)
    assert pairs(plane, answer.headers["x-request-id"])[0][0]["client"] == "tester"
    assert ask(plane, "/photo?id=7", plane.api_key + "x").status_code == 401


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_old_urls_only_read(plane: Moving, method: str) -> None:
    assert ask(plane, "/photo?id=7", method=method).status_code == 401
    refused = ask(plane, "/photo?id=7", plane.api_key, method=method)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


def test_a_placeholder_stands_for_what_is_absent(plane: Moving) -> None:
    etag = ask(plane, "/photo?id=nobody").headers["etag"]
    answer = ask(plane, "/photo?id=8", None, "GET", **{"If-None-Match": etag, "Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (200, NOBODY)
    assert answer.headers["x-placeholder"] == "true"
    assert answer.headers.get_list("cache-control") == ["no-store"]
    asked, done = pairs(plane, answer.headers["x-request-id"])
    assert [each["private"]["key"] for each in asked] == ["8.jpg", "nobody.jpg"]
    assert [each["reason"] for each in asked] == ["granted", "placeholder"]
    ends = {each["ref"]: (each["status"], each["outcome"], each["bytes"]) for each in done}
    assert [ends[each["n"]] for each in asked] == [
        (404, "not_found", 0),
        (200, "served", len(NOBODY)),
    ]


def test_a_placeholder_stands_for_what_was_deleted(plane: Moving) -> None:
    plane.store("hybrid", "12.jpg", PHOTO)
    plane.mark_deleted("hybrid", "12.jpg")
    assert ask(plane, "/photo?id=12").headers["x-placeholder"] == "true"


def test_a_placeholder_stands_for_what_is_forbidden(plane: Moving) -> None:
    answer = ask(plane, "/granted?id=7")
    assert (answer.status_code, answer.content) == (200, NOBODY)
    asked, _ = pairs(plane, answer.headers["x-request-id"])
    assert [(each["decision"], each["reason"]) for each in asked] == [
        ("refuse", "no_grant"),
        ("allow", "placeholder"),
    ]


@pytest.mark.parametrize("url", ["/photo?id=%00", "/photo?id=..%2fx", "/photo?id=a%0ab"])
def test_values_that_make_no_key_are_absent(plane: Moving, url: str) -> None:
    assert ask(plane, url).headers["x-placeholder"] == "true"


@pytest.mark.parametrize("url", ["/files/x/8.jpg", "/unplaced?id=8"])
def test_without_a_placeholder_absent_is_404(plane: Moving, url: str) -> None:
    answer = ask(plane, url)
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/not_found")


def test_a_placeholder_never_stands_for_503(plane: Moving) -> None:
    plane.legacy.set_down()
    try:
        assert ask(plane, "/photo?id=99").status_code == 503
    finally:
        plane.legacy.set_down(down=False)


def test_a_withdrawn_address_is_gone_at_once(plane: Moving) -> None:
    policy = copy.deepcopy(plane.policy)
    policy["attached"]["addresses"] = []
    plane.obey(policy)
    try:
        assert ask(plane, "/photo?id=7").status_code == 401
        assert ask(plane, "/photo?id=7", plane.api_key).status_code == 404
    finally:
        plane.obey()


def test_on_one_port_pages_of_ours_come_before_old_urls(tmp_path: Path) -> None:
    plane = Moving(tmp_path / "home")
    plane.arguments = ()  # both planes
    plane.add_client("here", actions=["read"], address_ranges=["127.0.0.0/8"])
    plane.policy["attached"]["addresses"] = [address("/{id}", "here", placeholder=None)]
    plane.legacy.put("hybrid", "7.jpg", PHOTO)
    plane.publish_policy()
    try:
        plane.start(timeout=60)
        assert ask(plane, "/7").content == PHOTO
        assert ask(plane, "/admin").headers["location"] == "/admin/"
        assert ask(plane, "/readyz").json()["ready"] is True
        assert "problem+json" not in ask(plane, "/nothing/here").headers["content-type"]
    finally:
        plane.close()
