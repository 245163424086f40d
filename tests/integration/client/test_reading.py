"""Files read by the Python client, blocking and awaited."""

import errno
import zipfile
from pathlib import Path
from typing import Any

import pytest

from contentserver.client import Client, Head, errors, part_file
from contentserver.client.part_file import PartFile
from tests.integration.client.conftest import content, sha256
from tests.support.plane import DataPlane

BIG = content(3_000_000)


def test_a_file_comes_back_as_it_was_stored(client: Any, key: str) -> None:
    stored = client.put(
        "photos", key, BIG, media_type="image/png", filename='é "x".png', custom={"a": "ü"}
    )
    with client.get("photos", key) as file:
        assert b"".join(file) == BIG
        info = file.info
    assert (info.version, info.etag, info.size) == (stored.version, stored.etag, len(BIG))
    assert (info.sha256, info.media_type) == (sha256(BIG), "image/png")
    assert info.filename == 'é "x".png'
    assert info.modified is not None
    assert info.modified.tzinfo is not None
    assert client.head("photos", key) == info


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(0, 10, BIG[:10]), (10, 5, BIG[10:15]), (len(BIG) - 3, None, BIG[-3:]), (5, 10**9, BIG[5:])],
)
def test_it_reads_a_range(
    client: Any, key: str, start: int, length: int | None, expected: bytes
) -> None:
    client.put("photos", key, BIG)
    with client.get("photos", key, start=start, length=length) as file:
        assert file.read() == expected
        assert file.info.size == len(BIG)


def test_a_range_behind_the_end_is_refused(client: Any, key: str) -> None:
    client.put("photos", key, b"short")
    with pytest.raises(errors.RangeNotSatisfiable):
        client.get("photos", key, start=5)


@pytest.mark.parametrize("wrong", [{"start": -1}, {"length": 0}, {"version": "1.1", "as_of": 1}])
def test_what_no_server_can_answer_is_not_asked(client: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"start|exclude"):
        client.get("photos", "any", **wrong)


def test_it_finds_versions_by_name_and_by_year(client: Any, key: str) -> None:
    first = client.put("photos", key, b"one")
    second = client.put("photos", key, b"two")
    year = int(first.version.partition(".")[0])
    assert client.head("photos", key, version=first.version).sha256 == first.sha256
    assert client.head("photos", key, as_of=year).version == second.version
    with pytest.raises(errors.NotFound):
        client.get("photos", key, as_of=year - 1)
    client.delete("photos", key)
    versions = client.versions("photos", key)
    assert [each.version for each in versions[:2]] == [first.version, second.version]
    assert [each.deleted for each in versions] == [False, False, True]
    assert versions[0].committed_at.tzinfo is not None


def test_a_head_tells_a_deleted_file_from_an_absent_one(client: Any, key: str) -> None:
    with pytest.raises(errors.NotFound):
        client.head("photos", key)
    client.put("photos", key, b"x")
    client.delete("photos", key)
    with pytest.raises(errors.Deleted) as raised:
        client.head("photos", key)
    assert (raised.value.status, raised.value.type) == (410, "deleted")
    assert raised.value.request_id


def test_more_than_a_hundred_heads_are_asked_for_in_turns(client: Any, key: str) -> None:
    stored = client.put("photos", key, b"x")
    asked = [f"{key}/{number}" for number in range(150)]
    heads = client.heads("photos", [*asked, key])
    assert list(heads) == [*asked, key]
    assert heads[key] == Head(stored.version, stored.etag, 1, stored.sha256)
    assert not any(heads[absent] for absent in asked)


def test_an_empty_file_is_read_too(client: Any, key: str, tmp_path: Path) -> None:
    client.put("photos", key, b"")
    with client.get("photos", key) as file:
        assert file.read() == b""
    with client.open("photos", key) as file:
        assert file.read() == b""
    assert client.download("photos", key, tmp_path / "empty").size == 0
    assert (tmp_path / "empty").read_bytes() == b""


def test_a_download_replaces_the_file_and_reports(client: Any, key: str, tmp_path: Path) -> None:
    client.put("photos", key, BIG)
    target, told = tmp_path / "copy", list[Any]()
    target.write_bytes(b"older")
    info = client.download("photos", key, target, progress=told.append)
    assert (target.read_bytes(), info.sha256) == (BIG, sha256(BIG))
    assert list(tmp_path.iterdir()) == [target]
    assert told[-1] == (len(BIG), len(BIG))
    assert [at.done for at in told] == sorted(at.done for at in told)


def test_a_download_goes_on_with_what_an_earlier_one_left(
    client: Any, key: str, tmp_path: Path
) -> None:
    etag = client.put("photos", key, BIG).etag
    part = PartFile(tmp_path / "copy", etag)
    part.add(BIG[:1_000_000])
    part.close()
    told: list[Any] = []
    client.download("photos", key, tmp_path / "copy", progress=told.append)
    assert (tmp_path / "copy").read_bytes() == BIG
    assert told[0].done > 1_000_000


def test_a_damaged_part_is_found_out_and_thrown_away(client: Any, key: str, tmp_path: Path) -> None:
    etag = client.put("photos", key, BIG).etag
    part = PartFile(tmp_path / "copy", etag)
    part.add(bytes(1_000_000))
    part.close()
    with pytest.raises(errors.Damaged):
        client.download("photos", key, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []
    client.download("photos", key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == BIG


def test_a_part_of_another_version_is_not_gone_on_with(
    client: Any, key: str, tmp_path: Path
) -> None:
    part = PartFile(tmp_path / "copy", client.put("photos", key, content(2_000_000)).etag)
    part.add(content(2_000_000)[:1_500_000])
    part.close()
    client.put("photos", key, BIG)
    client.download("photos", key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == BIG
    assert list(tmp_path.iterdir()) == [tmp_path / "copy"]


def test_two_at_once_to_one_place_do_not_mix_their_bytes(
    client: Any, key: str, tmp_path: Path
) -> None:
    other = PartFile(tmp_path / "copy", client.put("photos", key, BIG).etag)
    other.add(b"of another process")
    client.download("photos", key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == BIG
    other.close()
    client.download("photos", key, tmp_path / "again")
    assert sorted(each.name for each in tmp_path.iterdir() if each.suffix == "") == [
        "again",
        "copy",
    ]


def test_a_part_that_was_put_in_its_place_meanwhile_is_not_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = PartFile(tmp_path / "copy", "e")
    first.add(b"whole")

    def held(_file: Any) -> bool:
        monkeypatch.undo()  # the other process is done between our opening and our lock
        first.finish()
        return True

    monkeypatch.setattr(part_file, "_hold", held)
    second = PartFile(tmp_path / "copy", "e")
    second.empty()
    second.close()
    assert (tmp_path / "copy").read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [tmp_path / "copy"]


def test_a_part_is_never_written_through_a_link(client: Any, key: str, tmp_path: Path) -> None:
    etag = client.put("photos", key, BIG).etag
    part = PartFile(tmp_path / "copy", etag)
    part.close()
    (tmp_path / "other").write_bytes(b"untouched")
    part.path.symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic") as raised:
        client.download("photos", key, tmp_path / "copy")
    assert raised.value.errno == errno.ELOOP
    assert (tmp_path / "other").read_bytes() == b"untouched"


def test_an_open_file_is_read_from_anywhere(client: Any, key: str) -> None:
    client.put("photos", key, BIG)
    with client.open("photos", key) as file:
        file.seek(-7, 2)
        assert file.read() == BIG[-7:]
        assert file.read(1) == b""
        file.seek(1_000_000)
        assert file.read(10) == BIG[1_000_000:1_000_010]
        assert file.tell() == 1_000_010
        file.seek(0)
        assert file.read() == BIG


def test_an_open_file_stays_the_version_it_was(client: Any, key: str) -> None:
    client.put("photos", key, BIG)
    with client.open("photos", key) as file:
        client.put("photos", key, b"newer")
        file.seek(2_000_000)
        assert file.read() == BIG[2_000_000:]


def test_libraries_read_an_open_file(
    shared_data_plane: DataPlane, key: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("big", BIG)
        archive.writestr("small", "found")
    with Client(shared_data_plane.url, api_key=shared_data_plane.api_key) as client:
        client.put("photos", key, tmp_path / "z")
        with client.open("photos", key) as file, zipfile.ZipFile(file) as archive:
            assert archive.read("small") == b"found"


def test_who_reads_in_whose_name_is_told_to_the_server(
    connect: Any, shared_data_plane: DataPlane, key: str
) -> None:
    shared_data_plane.policy["collections"]["named"] = {
        **shared_data_plane.policy["collections"]["photos"],
        "on_behalf_of": "required",
    }
    shared_data_plane.obey()
    client = connect(shared_data_plane.url, api_key=shared_data_plane.api_key)
    with pytest.raises(errors.BadRequest, match="end user"):
        client.put("named", key, b"x")
    client.put("named", key, b"x", on_behalf_of="ännä")
    assert client.head("named", key, on_behalf_of="ännä").size == 1
    always = connect(shared_data_plane.url, api_key=shared_data_plane.api_key, on_behalf_of="ännä")
    assert always.head("named", key).size == 1
