"""HEAD of an upload while the server cannot answer. The promise: 423 with Retry-After, because a
tus client that meets a 5xx there forgets what it has sent; every other request says what it is.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.plane import DataPlane
from tests.support.records import pairs
from tests.support.tus import UNKNOWN, Tus


@pytest.fixture
def plane(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DataPlane]:
    plane = DataPlane(tmp_path / "home", **request.param)
    yield plane
    plane.close()


def not_now(plane: DataPlane, url: str, told: str) -> None:
    """HEAD is 423, PATCH is 503, and the record says why."""
    tus = Tus(plane.http)
    head, part = tus.head(url), tus.patch(url, 0, b"abc")
    assert (head.status_code, head.headers["retry-after"]) == (423, "1")
    assert "upload-offset" not in head.headers
    assert head.headers["tus-resumable"] == "1.0.0"
    assert (part.status_code, part.json()["type"].rpartition("/")[2]) == (503, told)
    _, done = pairs(plane, head.headers["x-request-id"])
    assert [(each["status"], each["outcome"]) for each in done] == [(423, told)]


@pytest.mark.parametrize("plane", [{"CONTENTSERVER_MAX_CONNECTIONS": "0"}], indirect=True)
def test_while_there_are_too_many_requests(plane: DataPlane) -> None:
    not_now(plane.start(), UNKNOWN, "overloaded")


@pytest.mark.parametrize("plane", [{}], indirect=True)
def test_while_the_policy_is_too_old(plane: DataPlane) -> None:
    url = Tus(plane.start().http).begin("waiting", 3)
    plane.obey(issued_at=1)
    not_now(plane, url, "policy_unavailable")
    plane.obey()
    assert Tus(plane.http).offset(url) == 0


@pytest.mark.parametrize("plane", [{}], indirect=True)
def test_while_the_storage_root_is_away(plane: DataPlane) -> None:
    url = Tus(plane.start().http).begin("waiting", 3)
    root = plane.config.roots[0]
    plane.stop()
    shutil.move(root, root.with_name("elsewhere"))
    start_unready(plane)
    not_now(plane, url, "storage_unavailable")
    plane.kill()
    shutil.move(root.with_name("elsewhere"), root)
    assert Tus(plane.start().http).offset(url) == 0


def start_unready(plane: DataPlane) -> None:
    """As far as it comes without a root: it answers, and is not ready."""
    with pytest.raises(AssertionError, match="not ready"):
        plane.start(timeout=4)
