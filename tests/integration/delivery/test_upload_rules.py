"""What holds for files holds for uploads: signed URLs, grants of certain years, files that are
being moved, erased subjects; and pages of other origins upload only where they are named.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest

from skold import urls
from tests.support.plane import DataPlane
from tests.support.records import pairs
from tests.support.sources import Moving
from tests.support.tus import OFFSET_TYPE, Tus
from tests.support.url_keys import add_url_key

NOW = datetime.now(UTC).year
PAGE = "https://upload.example.org"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    folder = tmp_path_factory.mktemp("rules") / "home"
    plane = Moving(folder, CONTENTSERVER_CORS_ORIGINS=f"{PAGE}/,http://127.0.0.1:8080")
    plane.secret = add_url_key(plane, "tester", "kid")  # type: ignore[attr-defined]
    for name, first, last in (("past", None, NOW - 1), ("now", NOW, NOW)):
        key = plane.add_client(name)
        plane.policy["grants"][-1] |= {"first_year": first, "last_year": last}
        setattr(plane, name, Tus(plane.client(key)))
    plane.publish_policy()
    try:
        yield plane.start()
    finally:
        plane.close()


@pytest.fixture
def tus(plane: DataPlane) -> Tus:
    return Tus(plane.http)


def signed(plane: DataPlane, method: str, url: str, **more: str) -> str:
    path = urlsplit(url).path
    expires = int(time.time()) + 60
    return urls.sign_url(plane.secret, "kid", method, path, expires=expires, **more)  # type: ignore[attr-defined,arg-type]


def outcome_of(plane: DataPlane, answer: httpx.Response) -> str:
    _, done = pairs(plane, answer.headers["x-request-id"])
    return done[0]["outcome"]


# Signed URLs


def test_a_page_may_go_on_with_one_upload_by_its_url_and_no_more(
    plane: DataPlane, tus: Tus
) -> None:
    """The institution's system creates and commits; who sends needs no key."""
    url, other = tus.begin("by-url", 3), tus.begin("by-url", 3)
    page = Tus(plane.client())
    capability = signed(plane, "PATCH", url, subject="kim")
    assert page.head(capability).headers["upload-offset"] == "0"
    sent = page.patch(capability, 0, b"abc")
    assert (sent.status_code, sent.headers["upload-offset"]) == (204, "3")
    asked, _ = pairs(plane, sent.headers["x-request-id"])
    assert (asked[0]["credential"], asked[0]["private"]["end_user"]) == ("kid", "kim")
    query = capability.partition("?")[2]
    refused = [
        page.ask("DELETE", capability),
        page.ask("POST", capability, X_HTTP_Method_Override="DELETE"),
        page.ask("POST", f"{url}/commit?{query}"),
        page.head(f"{other}?{query}"),
        page.patch(f"{other}?{query}", 0, b"abc"),
        page.ask("POST", f"/v1/uploads?{query}"),
    ]
    assert [answer.status_code for answer in refused] == [401] * 6
    assert tus.commit(url).status_code == 201
    assert tus.http.get("/v1/content/photos/by-url").content == b"abc"


def test_a_signature_holds_for_the_method_that_is_asked_for(plane: DataPlane, tus: Tus) -> None:
    """Whatever the request line says."""
    url = tus.begin("overridden", 3)
    page = Tus(plane.client())
    capability = signed(plane, "PATCH", url)
    sent = page.ask(
        "POST", capability, b"abc", X_HTTP_Method_Override="PATCH", Upload_Offset=0,
        Content_Type=OFFSET_TYPE,
    )  # fmt: skip
    assert sent.status_code == 204
    assert page.ask("PATCH", capability, X_HTTP_Method_Override="DELETE").status_code == 401


def test_a_signature_for_head_sends_nothing(plane: DataPlane, tus: Tus) -> None:
    url = tus.begin("to-look-at", 3)
    page = Tus(plane.client())
    capability = signed(plane, "HEAD", url)
    assert page.head(capability).status_code == 200
    assert page.patch(capability, 0, b"abc").status_code == 401


def test_an_upload_of_another_client_is_not_opened_by_a_signature(
    plane: DataPlane, tus: Tus
) -> None:
    url = plane.now.begin("others", 3)  # type: ignore[attr-defined]
    page = Tus(plane.client())
    assert page.patch(signed(plane, "PATCH", url), 0, b"abc").status_code == 404


# Years


def test_a_grant_of_past_years_stages_nothing(plane: DataPlane, tus: Tus) -> None:
    past: Tus = plane.past  # type: ignore[attr-defined]
    refused = past.create("years", 3)
    assert refused.status_code == 404
    asked, _ = pairs(plane, refused.headers["x-request-id"])
    assert (asked[0]["decision"], asked[0]["reason"]) == ("refuse", "outside_years")


def test_a_grant_of_this_year_stages_and_commits(plane: DataPlane) -> None:
    now: Tus = plane.now  # type: ignore[attr-defined]
    url = now.begin("years-now", 3)
    assert now.patch(url, 0, b"abc").status_code == 204
    assert now.commit(url).status_code == 201
    assert now.head(url).headers["x-version"] == f"{NOW}.1"


def test_grants_are_asked_again_at_every_step(plane: Moving) -> None:
    """Staged while it was allowed, committed when it is not any more."""
    key = plane.add_client("leaving")
    plane.obey()
    tus = Tus(plane.client(key))
    url = tus.begin("leaving", 6, body=b"abc")
    grant = plane.policy["grants"][-1]
    grant |= {"first_year": None, "last_year": NOW - 1}
    plane.obey()
    answers = [tus.head(url), tus.patch(url, 3, b"def"), tus.commit(url), tus.delete(url)]
    assert [answer.status_code for answer in answers] == [404] * 4
    grant |= {"first_year": None, "last_year": None, "actions": ["stage"]}
    plane.obey()
    assert tus.patch(url, 3, b"def").status_code == 204
    assert tus.commit(url).status_code == 404
    grant["actions"] = ["commit"]
    plane.obey()
    assert tus.head(url).status_code == 404
    assert tus.commit(url).status_code == 201


# Files that are being moved, and erased subjects


@pytest.mark.parametrize("mode", ["legacy", "shadow", "hybrid"])
def test_while_legacy_takes_the_writes_nothing_is_staged(
    plane: Moving, tus: Tus, mode: str
) -> None:
    refused = tus.create("1.jpg", 3, pairs={"collection": mode})
    assert refused.status_code == 409
    assert outcome_of(plane, refused) == "written_in_legacy"


@pytest.mark.parametrize("mode", ["writeback", "disk"])
def test_what_was_staged_is_not_committed_once_legacy_takes_the_writes_again(
    plane: Moving, tus: Tus, mode: str
) -> None:
    made = [tus.begin(f"{n}.jpg", 3, pairs={"collection": mode}) for n in (1, 2)]
    tus.patch(made[0], 0, b"abc")
    sources = plane.policy["attached"]["sources"]
    (source,) = [each for each in sources if each["name"] == mode]
    source["mode"] = "hybrid"
    plane.obey()
    try:
        assert tus.commit(made[0]).status_code == 409
        assert tus.patch(made[1], 0, b"abc").status_code == 409
        assert tus.head(made[0]).headers["upload-offset"] == "3"
    finally:
        source["mode"] = mode
        plane.obey()
    assert tus.commit(made[0]).status_code == 201


def test_of_an_erased_subject_nothing_more_is_staged_or_committed(plane: Moving, tus: Tus) -> None:
    pairs_of = {"collection": "documents"}
    urls_of = [tus.begin("about-kim", 3, pairs=pairs_of) for _ in range(2)]
    tus.patch(urls_of[0], 0, b"abc")
    receipt = tus.begin("about-kim", 3, pairs=pairs_of, body=b"abc")
    assert tus.commit(receipt).status_code == 201
    plane.erase("documents", "about-kim")
    answers = [
        tus.create("about-kim", 3, pairs=pairs_of),
        tus.patch(urls_of[1], 0, b"abc"),
        tus.commit(urls_of[0]),
        tus.commit(receipt),
    ]
    for answer in answers:
        assert (answer.status_code, outcome_of(plane, answer)) == (410, "subject_erased")
    assert tus.head(urls_of[0]).status_code == 410
    assert tus.http.get("/v1/content/documents/about-kim").status_code == 410
    assert tus.delete(urls_of[0]).status_code == 204


# Pages of other origins


def preflight(plane: DataPlane, origin: str) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
    return httpx.options(f"{plane.url}/v1/uploads", headers=asked)


def cors(answer: httpx.Response) -> dict[str, str]:
    return {n: v for n, v in answer.headers.items() if n.startswith("access-control-")}


def test_a_page_of_a_named_origin_may_upload(plane: DataPlane, tus: Tus) -> None:
    allowed = cors(preflight(plane, PAGE))
    assert allowed["access-control-allow-origin"] == PAGE
    assert {"PATCH", "HEAD", "POST"} <= set(allowed["access-control-allow-methods"].split(", "))
    sent = allowed["access-control-allow-headers"].lower().split(", ")
    assert {"tus-resumable", "upload-offset", "upload-metadata", "content-type"} <= set(sent)
    url = tus.begin("paged", 3)
    for answer in (tus.head(url, Origin=PAGE), tus.head(f"{url}0", Origin=PAGE)):
        shown = cors(answer)
        assert shown["access-control-allow-origin"] == PAGE
        exposed = set(shown["access-control-expose-headers"].split(", "))
        assert {"Upload-Offset", "Upload-Length", "Location", "Tus-Resumable"} <= exposed
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in shown


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{PAGE}.evil.example", "*"])
def test_a_page_of_another_origin_may_not(plane: DataPlane, tus: Tus, origin: str) -> None:
    assert cors(preflight(plane, origin)) == {}
    assert cors(tus.create("other-page", 3, Origin=origin)) == {}


def test_files_are_shown_to_no_page_of_another_origin(plane: DataPlane, tus: Tus) -> None:
    answer = plane.http.get("/v1/content/photos/nowhere", headers={"Origin": PAGE})
    assert cors(answer) == {}
    assert "vary" not in answer.headers


def test_without_a_configured_origin_there_is_no_word_of_it(start_data_plane) -> None:
    plane = start_data_plane()
    tus = Tus(plane.http)
    for answer in (preflight(plane, PAGE), tus.create("quiet", 3, Origin=PAGE)):
        assert cors(answer) == {}
        assert "vary" not in answer.headers
