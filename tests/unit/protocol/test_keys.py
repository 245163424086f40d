"""Keys from the raw path: docs/http.md, "Keys"."""

import unicodedata
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol.keys import (
    BadKey,
    check_collection,
    check_key,
    key_from_raw_path,
    split_content_path,
)

ACCEPTED = [
    (b"a", "a"),
    (b"photos/1.jpg", "photos/1.jpg"),
    (b"photos%2F1.jpg", "photos/1.jpg"),
    (b"photos%2f1.jpg", "photos/1.jpg"),
    (b"%2525", "%25"),
    (b"100%25", "100%"),
    (b"a+b", "a+b"),
    (b"a%20b", "a b"),
    (b"%C3%A9", "\xe9"),
    (b"\xc3\xa9", "\xe9"),
    (b"...", "..."),
    (b".hidden/..x/x..", ".hidden/..x/x.."),
    (b"%F0%9F%93%B7", "\U0001f4f7"),
    (b"x" * 512, "x" * 512),
    (b"%C3%A9" * 256, "\xe9" * 256),
]


@pytest.mark.parametrize(("raw", "key"), ACCEPTED)
def test_it_decodes_percent_exactly_once(raw, key):
    assert key_from_raw_path(raw) == key


REFUSED = [
    (b"", "empty"),
    (b"a//b", "empty segment"),
    (b"/a", "empty segment"),
    (b"a/", "empty segment"),
    (b"a%2F", "empty segment"),
    (b".", "segment '.'"),
    (b"..", "segment '..'"),
    (b"../etc/passwd", "segment '..'"),
    (b"a/../b", "segment '..'"),
    (b"a/..", "segment '..'"),
    (b"%2e%2E/a", "segment '..'"),
    (b"a%2F..%2Fb", "segment '..'"),
    (b"a/./b", "segment '.'"),
    (b"a%00b", "control"),
    (b"%00", "control"),
    (b"a%0D%0Ab", "control"),
    (b"a%7F", "control"),
    (b"a%C2%85b", "control"),
    (b"%C0%AE%C0%AE/x", "UTF-8"),
    (b"%C0%AF", "UTF-8"),
    (b"%E0%80%AF", "UTF-8"),
    (b"%F0%80%80%AF", "UTF-8"),
    (b"%ED%A0%80", "UTF-8"),
    (b"%FF", "UTF-8"),
    (b"%C3", "UTF-8"),
    (b"e%CC%81", "normalisation"),
    (b"%", "hexadecimal"),
    (b"a%2", "hexadecimal"),
    (b"a%zz", "hexadecimal"),
    (b"%%41", "hexadecimal"),
    (b"x" * 513, "513 bytes"),
    (b"%C3%A9" * 257, "514 bytes"),
    (b"x" * 10_240, "10240 bytes"),
]


@pytest.mark.parametrize(("raw", "reason"), REFUSED)
def test_it_refuses_a_bad_key_and_says_why(raw, reason):
    with pytest.raises(BadKey, match=reason):
        key_from_raw_path(raw)


KEYS = st.lists(
    st.text(
        st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"),
        min_size=1,
        max_size=12,
    )
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: text not in {".", ".."}),
    min_size=1,
    max_size=5,
).map("/".join)


@given(KEYS)
def test_every_good_key_comes_back_from_its_quoted_path(key):
    if len(key.encode()) <= 512:
        assert key_from_raw_path(quote(key).encode()) == key
        assert key_from_raw_path(quote(key, safe="").encode()) == key
        assert key_from_raw_path(key.replace("%", "%25").encode()) == key


@given(st.binary(max_size=600))
def test_whatever_is_sent_a_key_keeps_every_rule(raw):
    for path in (raw, quote_from_bytes(raw).encode()):
        try:
            key = key_from_raw_path(path)
        except BadKey:
            continue
        assert 1 <= len(key.encode()) <= 512
        assert unicodedata.normalize("NFC", key) == key
        assert not any(unicodedata.category(character) == "Cc" for character in key)
        assert not {"", ".", ".."} & set(key.split("/"))


@given(st.from_regex(rb"\A[0-9A-Za-z._/-]{1,520}\Z"))
def test_the_short_way_for_usual_keys_lets_nothing_through_that_the_long_way_stops(raw):
    try:
        check_key(raw.decode())
    except BadKey:
        with pytest.raises(BadKey):
            key_from_raw_path(raw)
    else:
        assert key_from_raw_path(raw) == raw.decode()


def test_a_key_given_as_text_keeps_the_same_rules():
    check_key("photos/1.jpg")
    with pytest.raises(BadKey, match="UTF-8"):
        check_key("\ud800")


def test_it_splits_collection_and_key():
    assert split_content_path(b"photos/2025/a%2Fb") == ("photos", "2025/a/b")


@pytest.mark.parametrize(
    "raw", [b"photos", b"", b"/a", b"%70hotos/a", b"Photos/a", b"-a/b", b"..%2Fx/a"]
)
def test_it_refuses_a_path_that_names_no_collection_and_key(raw):
    with pytest.raises(BadKey):
        split_content_path(raw)


@pytest.mark.parametrize(
    ("name", "good"),
    [("a", True), ("0_-", True), ("a" * 64, True), ("a" * 65, False), ("a\n", False), ("é", False)],
)
def test_it_knows_a_collection(name, good):
    if good:
        assert check_collection(name) == name
    else:
        with pytest.raises(BadKey):
            check_collection(name)
