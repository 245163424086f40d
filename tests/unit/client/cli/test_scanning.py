"""What is found in a folder."""

import os
import unicodedata
from pathlib import Path

from contentserver.client.cli.scanning import LeftOut, LocalFile, scan


def found(folder: Path, *, follow: bool = False) -> tuple[list[str], dict[str, str]]:
    results = list(scan(str(folder), "2026/", follow=follow))
    files = [one.key for one in results if isinstance(one, LocalFile)]
    return files, {one.relative: one.reason for one in results if isinstance(one, LeftOut)}


def test_every_file_has_its_path_as_key_in_the_order_of_names(tmp_path: Path):
    for name in ("b", "a/z", "a/.hidden", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    files, left_out = found(tmp_path)
    assert files == ["2026/a/.hidden", "2026/a/z", "2026/b", "2026/c"]
    assert not left_out


def test_symbolic_links_are_reported_and_not_followed(tmp_path: Path):
    (tmp_path / "real").write_text("x")
    (tmp_path / "file-link").symlink_to("real")
    (tmp_path / "folder-link").symlink_to("/etc")
    files, left_out = found(tmp_path)
    assert files == ["2026/real"]
    assert set(left_out) == {"file-link", "folder-link"}


def test_links_are_followed_when_asked_and_never_in_a_circle(tmp_path: Path):
    (tmp_path / "scans" / "a").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "f").write_text("x")
    (tmp_path / "scans" / "a" / "up").symlink_to("..")
    (tmp_path / "scans" / "o").symlink_to(tmp_path / "other")
    (tmp_path / "scans" / "gone").symlink_to("nowhere")
    files, left_out = found(tmp_path / "scans", follow=True)
    assert files == ["2026/o/f"]
    assert "lies in" in left_out["a/up"]
    assert "cannot be read" in left_out["gone"]


def test_names_that_are_no_keys_are_reported_and_the_others_taken(tmp_path: Path):
    for name in (b"no\xffutf8", b"new\nline", b"good"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    files, left_out = found(tmp_path)
    assert files == ["2026/good"]
    assert sorted(left_out.values()) == ["the name has control characters", "the name is not UTF-8"]


def test_two_names_that_differ_in_composition_alone_are_one_key(tmp_path: Path):
    for form in ("NFC", "NFD"):
        (tmp_path / unicodedata.normalize(form, "å")).write_text(form)
    files, left_out = found(tmp_path)
    assert files == ["2026/å"]
    assert len(left_out) == 1


def test_our_own_unfinished_downloads_are_left_out_and_pipes_reported(tmp_path: Path):
    (tmp_path / f".{'0' * 16}-{'f' * 16}.part").write_text("half")
    (tmp_path / "real.part").write_text("whole")
    os.mkfifo(tmp_path / "pipe")
    files, left_out = found(tmp_path)
    assert files == ["2026/real.part"]
    assert list(left_out) == ["pipe"]
