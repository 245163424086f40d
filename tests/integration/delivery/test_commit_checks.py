"""Checks over real HTTP: what they refuse is not stored, and the audit says why."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.clamd import CLAMD, EICAR, answering, real_clamd, scripted_clamd
from tests.support.plane import DataPlane
from tests.support.records import pairs

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


def test_clamav_lets_a_clean_file_in_and_eicar_not(start_data_plane: Start, clamd: str) -> None:
    plane = start_data_plane(CONTENTSERVER_COMMIT_CHECKS=CLAMAV, CONTENTSERVER_CLAMD=clamd)
    answer = put(plane, EICAR)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"].endswith("/check_refused")
    assert problem["detail"] == "ClamAV found Eicar-Test-Signature.UNOFFICIAL"
    assert_nothing_stored(plane)
    assert put(plane, EICAR[1:], name="put-2").status_code == 201
    assert (metric(plane, CLAMAV, "refused"), metric(plane, CLAMAV, "passed")) == ("1.0", "1.0")
    _, done = pairs(plane, "put-1")
    assert (done[0]["status"], done[0]["outcome"]) == (422, "check_refused")
    assert done[0]["reason"] == "ClamAV found Eicar-Test-Signature.UNOFFICIAL"


def test_a_virus_at_the_end_of_a_long_file_is_found(start_data_plane: Start, clamd: str) -> None:
    """In several pieces on its way in, and in many segments on the disk."""
    plane = start_data_plane(CONTENTSERVER_COMMIT_CHECKS=CLAMAV, CONTENTSERVER_CLAMD=clamd)
    assert put(plane, b"long\n" * 180_000 + EICAR).status_code == 422
    assert put(plane, b"long\n" * 180_000).status_code == 201


def test_a_file_too_long_for_the_scanner_is_refused_in_words(
    start_data_plane: Start, clamd: str
) -> None:
    plane = start_data_plane(CONTENTSERVER_COMMIT_CHECKS=CLAMAV, CONTENTSERVER_CLAMD=clamd)
    answer = put(plane, b"x" * (3 << 20))
    assert answer.status_code == 422
    assert "longer than the virus scanner" in answer.json()["detail"]
    assert_nothing_stored(plane)


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
