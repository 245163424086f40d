"""Keys from names of this disk, and names of this disk from keys."""

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.client.cli.names import (
    BadName,
    Place,
    check_inside,
    check_key,
    find_collisions,
    key_for,
    parse_file,
    parse_place,
    path_for,
)
from contentserver.protocol.keys import BadKey
from contentserver.protocol.keys import check_key as server_check_key


def test_a_place_is_a_collection_and_a_key():
    assert parse_place("photos/2026/a b.jpg") == Place("photos", "2026/a b.jpg")
    assert parse_place("photos") == parse_place("photos/") == Place("photos", "")
    assert parse_place("photos/2026/") == Place("photos", "2026/")


@pytest.mark.parametrize(
    "text", ["", "/a", "Photos/a", "photos//", "photos/a//b", "photos/../a", "photos/./a", "-x/a"]
)
def test_it_refuses_what_names_no_place(text):
    with pytest.raises(BadName):
        parse_place(text)


@pytest.mark.parametrize("text", ["photos", "photos/", "photos/2026/"])
def test_a_prefix_is_no_file(text):
    with pytest.raises(BadName, match="names no file"):
        parse_file(text)


def test_keys_are_made_in_nfc():
    decomposed = unicodedata.normalize("NFD", "Schüler/Åsa.jpg")
    assert key_for("2026/", decomposed) == "2026/Schüler/Åsa.jpg"
    assert parse_place(f"photos/{decomposed}").key == "Schüler/Åsa.jpg"


def test_names_that_are_no_utf_8_are_refused():
    with pytest.raises(BadName, match="not UTF-8"):
        key_for("", os.fsdecode(b"sk\xe5l.jpg"))


@given(st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from([
    "a" * 512, "a" * 513, "å" * 256, "å" * 257, "a/../b", "..", "a/.", "a\x7fb", "a\x85b",
]))  # fmt: skip
def test_it_takes_exactly_the_keys_that_the_server_takes(text):
    """In NFC, which is how it makes them."""
    key = unicodedata.normalize("NFC", text)

    def refuses(check, error):
        try:
            check(key)
        except error:
            return True
        return False

    assert refuses(check_key, BadName) == refuses(server_check_key, BadKey)


@pytest.mark.parametrize(
    "key",
    ["2026/../../etc/passwd", "2026/..", "2026//etc/passwd", "2026/", "2026/./a", "2026/a\x00b",
     "other/a"],
)  # fmt: skip
def test_no_key_names_a_place_outside_of_the_folder(key):
    with pytest.raises(BadName):
        path_for("2026/", key)


@given(st.text(st.sampled_from("./\\a:~ \x00"), max_size=14))
def test_whatever_is_given_a_path_stays_in_the_folder(rest):
    try:
        path = path_for("2026/", f"2026/{rest}")
    except BadName:
        return
    whole = os.path.normpath(os.path.join("/home/folder", path))
    assert whole.startswith("/home/folder/")


def test_nothing_is_reached_through_a_link_in_the_folder(tmp_path: Path):
    home, outside = tmp_path / "home", tmp_path / "outside"
    home.mkdir()
    outside.mkdir()
    (home / "link").symlink_to(outside)
    with pytest.raises(BadName, match="symbolic link"):
        check_inside(str(home), "link/a")
    with pytest.raises(BadName, match="symbolic link"):
        check_inside(str(home), "link/deeper/a")
    check_inside(str(home), "not/there/yet/a")


def test_the_folder_itself_may_be_a_link(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    check_inside(str(tmp_path / "link"), "a/b")


def test_of_names_that_differ_in_case_one_stays_where_the_disk_ignores_it():
    paths = ["a/IMG.JPG", "a/img.jpg", "b"]
    assert find_collisions(paths, ignores_case=False) == {}
    assert list(find_collisions(paths, ignores_case=True)) == ["a/img.jpg"]
    assert "IMG.JPG" in find_collisions(paths, ignores_case=True)["a/img.jpg"]


def test_a_name_is_no_file_and_folder_at_once():
    assert list(find_collisions(["a", "a/b/c", "d"], ignores_case=False)) == ["a"]
    assert list(find_collisions(["A", "a/b", "a.b"], ignores_case=True)) == ["A"]
