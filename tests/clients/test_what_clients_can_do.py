"""What the clients of others offer beyond the plain upload; here nothing breaks on the way."""

import hashlib
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.clients.interrupting import digest_of, write_file
from tests.clients.uploading import Report, upload_with_tus_js_client, upload_with_tuspy
from tests.support.plane import DataPlane

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("clients")]
MIB = 1 << 20
SIZE = 3 * MIB + 17
PIECE = MIB
CLIENTS = {"tuspy": upload_with_tuspy, "tus-js-client": upload_with_tus_js_client}
OFFERS: dict[str, dict[str, Any]] = {
    "data with the creation": {"options": {"uploadDataDuringCreation": True}},
    "POST in place of PATCH": {"options": {"overridePatchMethod": True}},
    "ids of its own": {"options": {"addRequestId": True}},
    "length known at the end": {"options": {"uploadLengthDeferred": True}, "as_stream": True},
}


class Uploading:
    """One upload of a client after the other to one data plane, each with a key of its own."""

    def __init__(self, plane: DataPlane, folder: Path) -> None:
        self.plane = plane
        self.path = folder / "file"
        self.key = f"{folder.name}.bin"
        self.digest = write_file(self.path, SIZE)

    def upload(self, client: str, *, commit: str = "auto", **wish: Any) -> Report:
        metadata = {"collection": "photos", "key": self.key, "filetype": "video/mp4"}
        return CLIENTS[client](
            endpoint=f"{self.plane.url}/v1/uploads",
            headers={"Authorization": f"Bearer {self.plane.api_key}"},
            metadata=metadata | ({"commit": commit} if commit else {}),
            path=self.path,
            **{"chunk_size": PIECE, **wish},
        )

    def create(self) -> str:
        """An upload that commits itself, nothing of it sent. Returns its path."""
        told = {"collection": "photos", "key": self.key, "type": "video/mp4", "commit": "auto"}
        pairs = [f"{name} {b64encode(text.encode()).decode()}" for name, text in told.items()]
        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(SIZE)}
        headers["Upload-Metadata"] = ",".join(pairs)
        answer = self.plane.http.post("/v1/uploads", headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"].removeprefix(self.plane.url)

    def assert_stored(self) -> None:
        assert digest_of(self.plane.http, "photos", self.key) == self.digest
        answer = self.plane.http.head(f"/v1/content/photos/{self.key}")
        assert answer.headers["content-type"] == "video/mp4"


@pytest.fixture
def uploading(shared_data_plane: DataPlane, tmp_path: Path) -> Uploading:
    return Uploading(shared_data_plane, tmp_path)


@pytest.mark.parametrize("offer", OFFERS)
def test_tus_js_client_may_use_what_it_offers(uploading: Uploading, offer: str) -> None:
    uploading.upload("tus-js-client", pieces=PIECE, **OFFERS[offer])
    uploading.assert_stored()


@pytest.mark.parametrize("wish", [{"awaited": True}, {"checksum": False}], ids=str)
def test_tuspy_may_use_what_it_offers(uploading: Uploading, wish: dict[str, Any]) -> None:
    uploading.upload("tuspy", **wish)
    uploading.assert_stored()


@pytest.mark.parametrize("client", CLIENTS)
def test_another_process_goes_on_where_one_ended(
    uploading: Uploading, tmp_path: Path, client: str
) -> None:
    wish = {"resume": str(tmp_path / "kept.json"), "pieces": PIECE}
    first = uploading.upload(client, stop_at=2 * PIECE, **wish)
    second = uploading.upload(client, **wish)
    assert second.url == first.url
    assert second.count("POST", 201) == 0
    assert second.count("PATCH", 204) == 2  # one whole piece, and the 17 bytes
    uploading.assert_stored()


@pytest.mark.parametrize("client", CLIENTS)
def test_an_empty_file_is_a_file(uploading: Uploading, client: str) -> None:
    uploading.path.write_bytes(b"")
    uploading.digest = hashlib.sha256().hexdigest()
    uploading.upload(client)
    uploading.assert_stored()


def test_an_upload_that_is_given_up_leaves_nothing(uploading: Uploading) -> None:
    report = uploading.upload("tus-js-client", pieces=PIECE, terminate=PIECE)
    assert report.count("DELETE", 204) == 1
    path = report.url.removeprefix(uploading.plane.url)
    assert uploading.plane.http.head(path, headers={"Tus-Resumable": "1.0.0"}).status_code == 404
    assert not (uploading.plane.folder / "root-1" / "staging" / path.rpartition("/")[2]).exists()


def test_a_line_that_went_silent_does_not_keep_the_next_one_waiting(uploading: Uploading) -> None:
    """The browser was closed, the train is in a tunnel: for the server the old request lives on."""
    with begin_and_fall_silent(uploading) as url:
        report = uploading.upload("tus-js-client", options={"uploadUrl": url})
    assert report.url == url
    assert [answer[:2] for answer in report.answers] == [("HEAD", 200), ("PATCH", 204)]
    uploading.assert_stored()


@contextmanager
def begin_and_fall_silent(uploading: Uploading) -> Iterator[str]:
    """A PATCH of which half was sent and the connection stays. Yields the upload's URL."""
    path = uploading.create()
    head = (
        f"PATCH {path} HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
        f"Authorization: Bearer {uploading.plane.api_key}\r\nContent-Length: {SIZE}\r\n"
        "Content-Type: application/offset+octet-stream\r\n\r\n"
    )
    half = uploading.path.read_bytes()[: SIZE // 2]
    with socket.create_connection(("127.0.0.1", uploading.plane.config.port)) as line:
        line.sendall(head.encode() + half)
        yield uploading.plane.url + path


def test_parts_side_by_side_are_refused_in_words(uploading: Uploading) -> None:
    """The extension "concatenation" is not offered: the client hears so, and nothing is stored."""
    with pytest.raises(AssertionError, match="the client gave up") as said:
        uploading.upload("tus-js-client", retries=0, options={"parallelUploads": 2})
    assert "Upload-Concat" in str(said.value)
    answer = uploading.plane.http.get(f"/v1/content/photos/{uploading.key}")
    assert answer.status_code == 404
