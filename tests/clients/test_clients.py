"""Clients that we did not write upload while server and line break; nothing is lost or doubled."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.interrupting import (
    Interruptions,
    assert_recorded_once,
    digest_of,
    write_file,
)
from tests.clients.uploading import (
    Uploader,
    upload_with_tus_js_client,
    upload_with_tuspy,
)
from tests.support.cutting_proxy import CuttingProxy
from tests.support.plane import DataPlane, free_port

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("clients")]
MIB = 1 << 20
BREAKS = 10
CLIENTS = {"tuspy": upload_with_tuspy, "tus-js-client": upload_with_tus_js_client}
QUICK = (("tuspy", "two-stage"), ("tus-js-client", "auto"))
WAYS = ("two-stage", "auto")


class Line:
    """A data plane that clients reach through a line that breaks."""

    def __init__(self, start: Callable[..., DataPlane]) -> None:
        port = free_port()
        self.plane = start(CONTENTSERVER_URL=f"http://127.0.0.1:{port}")
        self.proxy = CuttingProxy(self.plane.config.port, port=port)
        self.endpoint = f"{self.proxy.url}/v1/uploads"
        self.headers = {"Authorization": f"Bearer {self.plane.api_key}"}


@pytest.fixture
def line(start_data_plane: Callable[..., DataPlane]) -> Iterator[Line]:
    made = Line(start_data_plane)
    yield made
    made.proxy.close()


@pytest.mark.parametrize(("client", "way"), QUICK)
def test_it_takes_a_file_whole_and_once_though_server_and_line_break_ten_times(
    line: Line, tmp_path: Path, client: str, way: str
) -> None:
    upload_and_check(line, tmp_path, client, way, size=24 * MIB, piece=MIB, kill_each=5)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("client", CLIENTS)
def test_it_takes_a_gigabyte_whole_and_once_though_server_and_line_break_ten_times(
    line: Line, tmp_path: Path, client: str, way: str
) -> None:
    upload_and_check(line, tmp_path, client, way, size=1024 * MIB, piece=16 * MIB, kill_each=3)


def upload_and_check(
    line: Line, folder: Path, client: str, way: str, *, size: int, piece: int, kill_each: int
) -> None:
    """Upload with breaks, commit, and look at what readers, versions and the audit say."""
    upload: Uploader = CLIENTS[client]
    path, key = folder / "file", f"from {client}.bin"
    digest = write_file(path, size)
    metadata = {"collection": "photos", "key": key, "filename": "file.bin", "sha256": digest}
    breaks = Interruptions(line.plane, line.proxy, size, times=BREAKS, kill_each=kill_each)

    began = time.monotonic()
    report = upload(
        endpoint=line.endpoint,
        headers=line.headers,
        metadata={**metadata, "commit": "auto"} if way == "auto" else metadata,
        path=path,
        chunk_size=piece,
    )
    took = time.monotonic() - began

    assert breaks.kills + breaks.cuts == BREAKS + 1
    assert report.count("POST", 201) == 1, report.answers
    ids = [identifier for _, _, identifier in report.answers]
    if way == "two-stage":
        ids += _commit_twice(line, report.url)
    assert digest_of(line.plane.http, "photos", key) == digest
    versions = line.plane.http.get(f"/v1/versions/photos/{key}").json()["versions"]
    assert len(versions) == 1, versions
    assert_recorded_once(line.plane, ids, breaks.kills)
    print(
        f"\n{client}, {way}: {size // MIB} MiB in {took:.1f} s with {breaks.kills} kills, "
        f"{breaks.cuts} cuts and 1 lost answer; {line.proxy.sent / MIB:.1f} MiB sent, "
        f"{len(report.answers)} answers, 1 version, digest equal"
    )


def _commit_twice(line: Line, url: str) -> list[str]:
    """Both times the same answer. Returns the ids of the requests."""
    path = url.removeprefix(line.proxy.url)
    answers = [line.plane.http.post(f"{path}/commit") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201], answers[0].text
    assert answers[0].json() == answers[1].json()
    return [answer.headers["X-Request-Id"] for answer in answers]
