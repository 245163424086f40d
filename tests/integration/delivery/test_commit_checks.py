"""Checks over real HTTP: what they refuse is not stored, and the audit says why."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.clamd import CLAMD, EICAR, answering, real_clamd, scripted_clamd
from tests.support.plane import DataPlane
from tests.support.records import pairs
from tests.support.tus import Tus

Start = Callable[..., DataPlane]
MEDIA_TYPE = "contentserver.commit_checks.media_type.check"
CLAMAV = "contentserver.commit_checks.clamav.ClamAV"
URL = "/v1/content/photos/checked"


@pytest.fixture(scope="module")
def clamd() -> Iterator[str]:
    if CLAMD is None:
        pytest.skip("no clamd on the PATH: Debian's package is clamav-daemon")
    with real_clamd() as address:
        yield address


def put(plane: DataPlane, body: bytes, media_type: str = "text/plain", name: str = "put-1"):
    headers = {"Content-Type": media_type, "X-Request-Id": name}
    return plane.http.put(URL, content=body, headers=headers)


def assert_nothing_stored(plane: DataPlane) -> None:
    assert plane.http.get(URL).status_code == 404
    assert list((plane.config.roots[0] / "staging").iterdir()) == []


def metric(plane: DataPlane, check: str, outcome: str) -> str:
    wanted = f'contentserver_commit_checks_total{{check="{check}",outcome="{outcome}"}}'
    lines = plane.http.get("/metrics").text.splitlines()
    return next((line.split()[-1] for line in lines if line.startswith(wanted)), "0")


@pytest.fixture(scope="module")
def scanned(clamd: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DataPlane]:
    """A data plane that asks the real clamd; each test begins without a file."""
    plane = DataPlane(
        tmp_path_factory.mktemp("scanned") / "home",
        CONTENTSERVER_COMMIT_CHECKS=CLAMAV,
        CONTENTSERVER_CLAMD=clamd,
    )
    try:
        yield plane.start()
    finally:
        plane.close()


FOUND = "ClamAV found Eicar-Test-Signature.UNOFFICIAL"


def test_clamav_lets_a_clean_file_in_and_eicar_not(scanned: DataPlane) -> None:
    answer = put(scanned, EICAR)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"].endswith("/check_refused")
    assert problem["detail"] == FOUND
    assert_nothing_stored(scanned)
    assert put(scanned, EICAR[1:], name="put-2").status_code == 201
    assert float(metric(scanned, CLAMAV, "refused")) >= 1
    assert float(metric(scanned, CLAMAV, "passed")) >= 1
    _, done = pairs(scanned, "put-1")
    assert (done[0]["status"], done[0]["outcome"]) == (422, "check_refused")
    assert done[0]["reason"] == FOUND
    assert scanned.http.delete(URL).status_code == 204


def test_a_virus_at_the_end_of_a_long_file_is_found(scanned: DataPlane) -> None:
    """In several pieces on its way in, and in many segments on the disk."""
    assert put(scanned, b"long\n" * 180_000 + EICAR).status_code == 422
    assert put(scanned, b"long\n" * 180_000).status_code == 201
    assert scanned.http.delete(URL).status_code == 204


def test_a_file_too_long_for_the_scanner_is_refused_in_words(scanned: DataPlane) -> None:
    answer = put(scanned, b"x" * (3 << 20))
    assert answer.status_code == 422
    assert "longer than the virus scanner" in answer.json()["detail"]


def test_a_refused_commit_leaves_the_upload_to_its_client(scanned: DataPlane) -> None:
    tus = Tus(scanned.http)
    url = tus.begin("staged", len(EICAR))
    assert tus.patch(url, 0, EICAR[:20]).status_code == 204
    assert tus.patch(url, 20, EICAR[20:]).status_code == 204
    for _ in range(2):
        answer = tus.commit(url)
        assert (answer.status_code, answer.json()["detail"]) == (422, FOUND)
    _, done = pairs(scanned, answer.headers["x-request-id"])
    assert (done[0]["outcome"], done[0]["reason"]) == ("check_refused", FOUND)
    assert scanned.http.get("/v1/content/photos/staged").status_code == 404
    assert tus.head(url).headers["upload-offset"] == str(len(EICAR))
    assert tus.delete(url).status_code == 204
    assert list((scanned.config.roots[0] / "staging").iterdir()) == []


def test_an_upload_that_commits_itself_is_refused_by_its_last_request(
    scanned: DataPlane,
) -> None:
    tus = Tus(scanned.http)
    url = tus.begin("auto", len(EICAR), pairs={"commit": "auto"})
    assert tus.patch(url, 0, EICAR[:20]).status_code == 204
    for offset, data in ((20, EICAR[20:]), (len(EICAR), b"")):
        answer = tus.patch(url, offset, data)
        assert (answer.status_code, answer.json()["detail"]) == (422, FOUND)
    assert scanned.http.get("/v1/content/photos/auto").status_code == 404
    assert tus.delete(url).status_code == 204


def test_an_upload_that_commits_itself_gets_in_when_it_is_clean(scanned: DataPlane) -> None:
    tus = Tus(scanned.http)
    url = tus.begin("clean", 5, pairs={"commit": "auto"})
    assert tus.patch(url, 0, b"clean").headers["x-version"]
    assert scanned.http.get("/v1/content/photos/clean").content == b"clean"


def test_a_scanner_that_is_away_lets_nothing_in(start_data_plane: Start) -> None:
    with scripted_clamd(answering(b"stream: OK\0")) as address:
        plane = start_data_plane(CONTENTSERVER_COMMIT_CHECKS=CLAMAV, CONTENTSERVER_CLAMD=address)
        assert put(plane, b"clean").status_code == 201
    answer = put(plane, b"clean too", name="put-2")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("/check_unavailable")
    assert "detail" not in answer.json(), "where the scanner listens is nobody's business"
    assert int(answer.headers["retry-after"]) > 0
    assert plane.http.get(URL).content == b"clean"
    assert metric(plane, CLAMAV, "failed") == "1.0"
    assert "clamd cannot be asked" in plane.read_log()


def test_the_type_is_held_against_the_content(start_data_plane: Start) -> None:
    plane = start_data_plane(CONTENTSERVER_COMMIT_CHECKS=MEDIA_TYPE)
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(100)
    answer = put(plane, png, "image/jpeg")
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "the file is declared as image/jpeg, but does not begin as JPEG"
    )
    assert_nothing_stored(plane)
    assert put(plane, png, "image/png").status_code == 201


def test_a_server_does_not_start_without_a_check_that_it_was_told_to_make(
    start_data_plane: Start,
) -> None:
    with pytest.raises(AssertionError, match=r"names 'no\.such\.check': ModuleNotFoundError"):
        start_data_plane(CONTENTSERVER_COMMIT_CHECKS=f"{MEDIA_TYPE},no.such.check")
