"""API keys. The promise: only the hash is kept, and a cut or mistyped key is noticed at once."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skold import credentials


def test_a_new_key_is_well_formed_and_checks_against_its_hash():
    key = credentials.new_api_key()
    assert len(key.plaintext) == credentials.LENGTH
    assert credentials.parse_api_key(key.plaintext) == key.key_id
    assert key.sha256 == hashlib.sha256(key.plaintext.encode()).hexdigest()
    assert credentials.check(key.plaintext, bytes.fromhex(key.sha256))


def test_no_two_keys_are_alike():
    keys = [credentials.new_api_key() for _ in range(100)]
    assert len({key.key_id for key in keys}) == len({key.plaintext for key in keys}) == 100


def test_a_key_does_not_check_against_another_ones_hash():
    one, other = credentials.new_api_key(), credentials.new_api_key()
    assert not credentials.check(one.plaintext, bytes.fromhex(other.sha256))


def test_every_single_typing_error_is_noticed():
    text = credentials.new_api_key().plaintext
    for place in range(len(text)):
        wrong = text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :]
        with pytest.raises(credentials.MalformedKey):
            credentials.parse_api_key(wrong)


@given(st.text())
def test_other_texts_are_no_keys(text):
    with pytest.raises(credentials.MalformedKey):
        credentials.parse_api_key(text)


@given(st.text(min_size=credentials.LENGTH - 4, max_size=credentials.LENGTH - 4))
def test_texts_of_the_right_length_are_no_keys(text):
    with pytest.raises(credentials.MalformedKey):
        credentials.parse_api_key("skd_" + text)
