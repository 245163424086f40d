"""Checksums of a part. The promise: a part passes exactly if it has every checksum declared."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol.digests import BadDigest, format_sha256
from contentserver.protocol.tus_checksum import ALGORITHMS, Tally, parse_checksums


def field(algorithm: str, data: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def is_right(pieces: list[bytes], checksum: str | None, digest: str | None = None) -> bool:
    tally = Tally(parse_checksums(checksum, digest))
    for piece in pieces:
        tally.add(piece)
    return tally.is_right


@given(st.lists(st.binary(max_size=50), max_size=4), st.sampled_from(sorted(ALGORITHMS)))
def test_a_part_has_its_own_checksum_however_it_is_cut(pieces, algorithm):
    assert is_right(pieces, field(algorithm, b"".join(pieces)))


@given(st.binary(max_size=50), st.binary(max_size=50), st.sampled_from(sorted(ALGORITHMS)))
def test_a_part_has_no_other_checksum(sent, meant, algorithm):
    assert is_right([sent], field(algorithm, meant)) == (sent == meant)


def test_both_declarations_must_hold():
    good, wrong = hashlib.sha256(b"abc").digest(), hashlib.sha256(b"x").digest()
    assert is_right([b"abc"], field("sha1", b"abc"), format_sha256(good))
    assert not is_right([b"abc"], field("sha1", b"abc"), format_sha256(wrong))
    assert not is_right([b"abc"], field("sha1", b"x"), format_sha256(good))
    assert not is_right([b"abc"], field("sha256", b"x"), format_sha256(good))


def test_nothing_declared_is_nothing_to_compare():
    tally = Tally(parse_checksums(None, None))
    tally.add(b"abc")
    assert tally.is_right
    assert not tally.is_declared


@pytest.mark.parametrize(
    "value",
    ["", "sha1", "sha1 ", "sha1  YQ==", "md5 1B2M2Y8AsgTpgAmY7PhCfg==", "SHA1 x", "sha1 !",
     "sha1 YQ==", field("sha1", b"")[:-1], field("sha1", b"").replace("sha1", "sha256"), "é YQ==",
     "sha1 é"],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(value):
    with pytest.raises(BadDigest, match="Upload-Checksum"):
        parse_checksums(value, None)


def test_a_content_digest_that_cannot_be_read_is_refused_by_its_name():
    with pytest.raises(BadDigest, match="Content-Digest"):
        parse_checksums(None, "sha-256=x")


@given(st.text(st.characters(max_codepoint=255)))
def test_no_value_does_more_than_be_refused(value):
    try:
        parse_checksums(value, None)
    except BadDigest:
        return
    assert value.split(" ")[0] in ALGORITHMS
