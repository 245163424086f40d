"""Files stored by the Python client, blocking and awaited: in one request and in two stages."""

import io
import json
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contentserver.client import errors, writing
from tests.integration.client.conftest import content, sha256
from tests.support.plane import DataPlane
from tests.support.url_keys import add_url_key

BIG = content(5_000_000)


class OnlyForward(io.RawIOBase):
    """A file that cannot seek, as a pipe."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._data.read(size)


def behind(data: bytes) -> io.BytesIO:
    """An open file that stands behind four bytes that are not to be stored."""
    file = io.BytesIO(b"head" + data)
    file.seek(4)
    return file


def in_pieces(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 700_000] for at in range(0, len(data), 700_000))


async def awaited_pieces(data: bytes) -> AsyncIterator[bytes]:
    for piece in in_pieces(data):
        yield piece


SHAPES: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "open file": behind,
    "pipe": OnlyForward,
    "iterator": in_pieces,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [0, 100_000, len(BIG)])
def test_it_stores_whatever_gives_bytes(client: Any, key: str, shape: str, size: int) -> None:
    data = BIG[:size]
    stored = client.put("photos", key, SHAPES[shape](data))
    assert (stored.size, stored.sha256) == (size, sha256(data))
    with client.get("photos", key) as file:
        assert file.read() == data


def test_it_stores_a_file_by_its_path(client: Any, key: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BIG)
    assert client.put("photos", key, tmp_path / "file").sha256 == sha256(BIG)


@pytest.mark.parametrize("kind", ["awaited"])
@pytest.mark.parametrize("size", [0, 5, len(BIG)])
def test_it_stores_what_an_async_iterator_gives(client: Any, key: str, size: int) -> None:
    assert client.put("photos", key, awaited_pieces(BIG[:size])).sha256 == sha256(BIG[:size])


@pytest.mark.parametrize("wrong", ["text", 17, None])
def test_what_holds_no_bytes_is_refused(client: Any, key: str, wrong: Any) -> None:
    with pytest.raises(TypeError, match="data"):
        client.put("photos", key, wrong)


def test_equal_bytes_make_no_version(client: Any, key: str) -> None:
    first = client.put("photos", key, b"x")
    assert first.created
    again = client.put("photos", key, b"x")
    assert (again.version, again.created) == (first.version, False)


def test_conditions_hold(client: Any, key: str) -> None:
    first = client.put("photos", key, b"1", if_none_match="*")
    with pytest.raises(errors.PreconditionFailed) as raised:
        client.put("photos", key, b"2", if_none_match="*")
    assert (raised.value.status, raised.value.answer_lost) == (412, False)
    second = client.put("photos", key, b"2", if_match=first.etag)
    with pytest.raises(errors.PreconditionFailed):
        client.put("photos", key, b"3", if_match=first.etag)
    with pytest.raises(errors.PreconditionFailed):
        client.delete("photos", key, if_match=first.etag)
    client.delete("photos", key, if_match=second.etag)
    with pytest.raises(errors.Deleted):
        client.delete("photos", key)


def test_long_content_is_staged_and_committed(
    client: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "STAGED_FROM", 1_000_000)
    first = client.put("photos", key, BIG, media_type="image/png", filename="ä", custom={"a": "ü"})
    assert (first.sha256, first.created) == (sha256(BIG), True)
    info = client.head("photos", key)
    assert (info.media_type, info.filename) == ("image/png", "ä")
    with pytest.raises(errors.PreconditionFailed):
        client.put("photos", key, BIG[1:], if_none_match="*")
    assert client.head("photos", key).version == first.version


@pytest.mark.parametrize("shape", ["bytes", "iterator"])
def test_who_may_not_stage_stores_in_one_request(
    connect: Any,
    shared_data_plane: DataPlane,
    key: str,
    shape: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "STAGED_FROM", 1_000_000)
    api_key = shared_data_plane.add_client(f"writer-{key[7:9].strip()}", actions=["read", "write"])
    shared_data_plane.obey()
    client = connect(shared_data_plane.url, api_key=api_key)
    assert client.put("photos", key, SHAPES[shape](BIG)).sha256 == sha256(BIG)


def test_an_upload_is_sent_committed_and_remembered(client: Any, key: str) -> None:
    upload = client.stage("photos", key, size=len(BIG), media_type="image/png")
    assert (upload.offset, upload.length, upload.stored) == (0, len(BIG), None)
    assert upload.expires is not None
    with pytest.raises(errors.Conflict) as raised:
        upload.commit()
    assert raised.value.type == "upload_incomplete"
    told: list[Any] = []
    upload.send(BIG, progress=told.append)
    assert told[-1] == (len(BIG), len(BIG))
    with pytest.raises(errors.NotFound):
        client.head("photos", key)
    stored = upload.commit(if_none_match="*")
    assert (stored.sha256, upload.sha256) == (sha256(BIG), sha256(BIG))
    assert upload.commit() == stored
    again = client.upload(upload.url)
    assert again.stored.version == stored.version
    assert (again.stored.collection, again.stored.key) == ("photos", key)


@pytest.mark.parametrize("shape", SHAPES)
def test_an_upload_goes_on_where_another_process_left_it(client: Any, key: str, shape: str) -> None:
    begun = client.stage("photos", key, size=len(BIG))
    httpx.patch(
        begun.url,
        content=BIG[:3_000_000],
        headers={**_authorised(client), "Upload-Offset": "0"},
    ).raise_for_status()
    upload = client.upload(begun.url)
    assert upload.offset == 3_000_000
    upload.send(SHAPES[shape](BIG))
    assert upload.commit().sha256 == sha256(BIG)


def _authorised(client: Any) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {client._core.config.api_key}",
        "Tus-Resumable": "1.0.0",
        "Content-Type": "application/offset+octet-stream",
    }


def test_bytes_of_another_file_are_found_out_at_the_commit(client: Any, key: str) -> None:
    begun = client.stage("photos", key, size=len(BIG))
    httpx.patch(
        begun.url, content=bytes(1000), headers={**_authorised(client), "Upload-Offset": "0"}
    ).raise_for_status()
    upload = client.upload(begun.url)
    upload.send(BIG)
    with pytest.raises(errors.DigestMismatch):
        upload.commit()


def test_data_of_another_length_than_announced_is_refused(client: Any, key: str) -> None:
    upload = client.stage("photos", key, size=10)
    with pytest.raises(ValueError, match="10 bytes"):
        upload.send(b"too long to fit")
    with pytest.raises(ValueError, match="10"):
        upload.send(in_pieces(b"short"))
    upload.delete()
    with pytest.raises(errors.NotFound):
        upload.refresh()


def test_the_last_byte_commits_where_that_was_asked_for(client: Any, key: str) -> None:
    upload = client.stage("photos", key, BIG, commit=True)
    assert upload.stored.version == client.head("photos", key).version
    upload = client.stage("photos", key, in_pieces(BIG[1:]), commit=True)
    assert upload.stored.version == client.head("photos", key).version


def test_it_goes_piece_by_piece_where_nobody_has_the_whole(client: Any, key: str) -> None:
    upload = client.stage("photos", key)
    for piece in in_pieces(BIG[:2_000_000]):
        upload.append(piece)
    upload.append(b"", last=True)
    assert upload.commit().sha256 == sha256(BIG[:2_000_000])


def test_a_digest_that_the_file_does_not_have_is_refused_by_the_server(
    client: Any, key: str
) -> None:
    upload = client.stage("photos", key, b"these", sha256=sha256(b"others"))
    with pytest.raises(errors.DigestMismatch) as raised:
        upload.commit()
    assert raised.value.status == 422


def test_signed_urls_open_what_they_name_and_nothing_else(
    connect: Any, shared_data_plane: DataPlane, key: str, kind: str
) -> None:
    secret = _add_url_key(shared_data_plane, f"url-{kind}")
    client = connect(
        shared_data_plane.url, api_key=shared_data_plane.api_key, url_key=(f"url-{kind}", secret)
    )
    client.put("photos", key, b"signed", media_type="image/png")
    url = client.sign("GET", "photos", key, lifetime=60, subject="m. lind/é", disposition="inline")
    assert httpx.get(url).content == b"signed"
    assert httpx.head(url).status_code == 200
    assert httpx.get(url.replace("inline", "attachment")).status_code == 401
    put = client.sign("PUT", "photos", key, lifetime=60)
    assert httpx.put(put, content=b"by url").status_code == 201
    version = client.versions("photos", key)[0].version
    assert httpx.get(client.sign("GET", "photos", key, version=version)).content == b"signed"


def test_a_signed_upload_needs_no_key_and_commits_nothing(
    connect: Any, shared_data_plane: DataPlane, key: str, kind: str
) -> None:
    secret = _add_url_key(shared_data_plane, f"up-{kind}")
    client = connect(
        shared_data_plane.url, api_key=shared_data_plane.api_key, url_key=(f"up-{kind}", secret)
    )
    upload = client.stage("photos", key, size=len(BIG))
    stranger = connect(shared_data_plane.url).upload(client.sign_upload(upload.url, subject="anna"))
    stranger.send(BIG)
    with pytest.raises(errors.Unauthenticated):
        stranger.commit()
    upload.refresh()
    assert upload.offset == len(BIG)
    assert upload.commit(sha256=sha256(BIG)).size == len(BIG)


def _add_url_key(plane: DataPlane, kid: str) -> bytes:
    secret = add_url_key(plane, "tester", kid)
    plane.obey()
    return secret


def test_a_token_is_asked_for_anew_each_time(
    connect: Any, shared_data_plane: DataPlane, key: str
) -> None:
    asked: list[float] = []

    def token() -> str:
        asked.append(time.monotonic())
        return shared_data_plane.api_key

    client = connect(shared_data_plane.url, token=token)
    client.put("photos", key, b"x")
    client.head("photos", key)
    assert len(asked) == 2


def test_without_a_credential_it_says_so(
    connect: Any, shared_data_plane: DataPlane, key: str
) -> None:
    with pytest.raises(errors.Unauthenticated) as raised:
        connect(shared_data_plane.url).put("photos", key, b"x")
    assert raised.value.status == 401
    assert json.dumps(str(raised.value))


@pytest.mark.parametrize("size", [50_000_000, pytest.param(1_000_000_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_file(
    client: Any, key: str, tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "STAGED_FROM", size // 2)
    with (tmp_path / "long").open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    try:
        stored = client.put("photos", key, tmp_path / "long")
        client.download("photos", key, tmp_path / "back")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "back").stat().st_size == stored.size == size
    assert peak < 16_000_000
