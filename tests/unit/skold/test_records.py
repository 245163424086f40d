"""Bytes of a record. The promise: anybody can verify what was recorded."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skold import records

scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text())
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)


def rfc8785(fields: dict[str, object]) -> bytes:
    """The form as the RFC words it, for objects without floats: sorted by UTF-16, no spaces."""
    ordered = dict(sorted(fields.items(), key=lambda item: item[0].encode("utf-16-be")))
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode()


@given(st.dictionaries(names, scalars))
def test_it_writes_the_canonical_form_of_rfc_8785(fields):
    assert records.canonical(fields) == rfc8785(fields)


def test_it_writes_control_characters_as_the_rfc_does():
    text = "".join(map(chr, range(0x20))) + '"\\/\x7f\u2028é\U0001f600'
    assert records.canonical({"a": text}) == rfc8785({"a": text})


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", ["a"], {"a": 1}, object()])
def test_it_refuses_what_has_no_one_form(value):
    with pytest.raises(TypeError, match="field 'size'"):
        records.canonical({"name": "x", "size": value})


def test_it_refuses_numbers_that_json_readers_would_round():
    with pytest.raises(TypeError):
        records.canonical({"size": 2**53})


def test_it_writes_lone_surrogates_escaped_instead_of_failing():
    assert json.loads(records.canonical({"method": "G\udc80T"})) == {"method": "G\\udc80T"}


@given(st.text(), st.text())
def test_no_text_can_add_a_field_or_end_the_record(agent, method):
    injected = records.canonical({"user_agent": agent + '","decision":"allow', "method": method})
    assert set(json.loads(injected)) == {"user_agent", "method"}
    assert b"\n" not in injected
    assert b"\0" not in injected


def test_a_body_too_long_for_its_frame_is_clipped_and_says_so():
    fields = json.loads(records.body_bytes({"method": "X" * 70_000, "n": 7}))
    assert fields == {"method": "X" * records.CLIPPED, "n": 7, "clipped": True}


def test_a_private_part_too_long_for_its_frame_keeps_its_salt():
    raw, commitment = records.private_bytes({"user_agent": "é" * 70_000}, b"s" * 16)
    assert len(raw) <= records.MAX_PRIVATE
    assert json.loads(raw)["salt"] == (b"s" * 16).hex()
    assert records.commitment(raw) == commitment


def test_equal_private_parts_have_different_commitments():
    one = records.private_bytes({"key": "a"}, b"1" * 16)[1]
    assert one != records.private_bytes({"key": "a"}, b"2" * 16)[1]


@given(st.integers(0, 2**64 - 1), st.binary(min_size=1, max_size=300), st.binary(max_size=300))
def test_a_frame_is_read_back_as_it_was_written(n, body, private):
    frame = records.frame_bytes(n, bytes(32), body, private)
    found = records.find_frame(b"abc" + frame + b"def", 3)
    kept = private if any(private) else b""  # zeros alone are what a redaction leaves
    assert found == records.RawFrame(n, bytes(32), body, kept, 3 + len(frame))


def test_zeros_alone_are_a_redacted_part():
    frame = records.frame_bytes(1, bytes(32), b"{}", bytes(20))
    assert records.find_frame(frame) == records.RawFrame(1, bytes(32), b"{}", b"", len(frame))


def test_every_flipped_bit_of_a_frame_is_noticed():
    frame = records.frame_bytes(5, bytes(32), b'{"a":1}', b'{"b":2}')
    for bit in range(len(frame) * 8):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        assert records.find_frame(bytes(broken)) is None


def test_every_cut_of_a_frame_is_noticed():
    frame = records.frame_bytes(5, bytes(32), b'{"a":1}', b'{"b":2}')
    assert all(records.find_frame(frame[:size]) is None for size in range(len(frame)))


def test_zeros_are_not_a_frame():
    assert records.find_frame(bytes(200_000)) is None
