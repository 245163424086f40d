"""RFC 9530 on the Structured Fields of RFC 9651."""

import base64
import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol.digests import BadDigest, format_sha256, parse_digests, parse_sha256

HELLO = hashlib.sha256(b'{"hello": "world"}\n').digest()
TEXT = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg="


def test_it_writes_the_field_of_rfc_9530_appendix_b():
    """Appendix B.1: `Repr-Digest: sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:`."""
    assert format_sha256(HELLO) == f"sha-256=:{TEXT}:"


ACCEPTED = [
    (f"sha-256=:{TEXT}:", HELLO, "9530, 2: a dictionary of byte sequences"),
    (f"  sha-256=:{TEXT}: ", HELLO, '9651, 4.2 "Discard any leading SP characters"'),
    (f"sha-512=:AAAA:, sha-256=:{TEXT}:", HELLO, "9530, 2: several algorithms"),
    (f"sha-256=:{TEXT}:\t,\tsha-512=:AAAA:", HELLO, "9651, 4.2.2: OWS around the comma"),
    (
        f"sha-256=:AAAA:,sha-256=:{TEXT}:",
        HELLO,
        '9651, 4.2.2 "overwrite its value": the last one counts',
    ),
    (
        f"sha-256=:{TEXT.rstrip('=')}:",
        HELLO,
        '9651, 4.2.7 "SHOULD NOT fail when = padding is not present"',
    ),
    (f'sha-256=:{TEXT}:;a=1; b="x;,y";c', HELLO, "9651, 3.2: members may have parameters"),
    ("sha-512=:AAAA:", None, '9530, 2 "A recipient MAY ignore any or all digests"'),
    (None, None, "no field, no claim"),
]


@pytest.mark.parametrize(("value", "expected", "sentence"), ACCEPTED)
def test_it_reads_a_digest(value, expected, sentence):
    assert parse_sha256(value) == expected, sentence


REFUSED = [
    "",
    "sha-256",
    f"sha-256={TEXT}",
    f"sha-256=:{TEXT}",
    f'sha-256="{TEXT}"',
    f"SHA-256=:{TEXT}:",
    f"sha-256=:{TEXT}:,",
    f"sha-256=:{TEXT}: sha-512=:AAAA:",
    "sha-256=:AAAA:",
    "sha-256=::",
    "sha-256=:A:",
    "sha-256=:-_-_:",
    f"sha-256 = :{TEXT}:",
    f"md5 {TEXT}",
]


@pytest.mark.parametrize("value", REFUSED)
def test_it_refuses_what_it_cannot_read_rather_than_drop_the_check(value):
    with pytest.raises(BadDigest):
        parse_sha256(value)


@given(st.binary(min_size=32, max_size=32))
def test_what_it_writes_it_reads(digest):
    assert parse_sha256(format_sha256(digest)) == digest


@given(
    st.dictionaries(
        st.from_regex(r"\A[a-z*][a-z0-9_.*-]{0,10}\Z"),
        st.binary(max_size=70),
        min_size=1,
        max_size=4,
    )
)
def test_a_dictionary_comes_back_as_it_was_written(digests):
    value = ", ".join(f"{name}=:{base64.b64encode(raw).decode()}:" for name, raw in digests.items())
    assert parse_digests(value) == digests


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_nothing_that_is_sent_raises_anything_else(value):
    with contextlib.suppress(BadDigest):
        assert isinstance(parse_digests("sha-256=:" + value), dict)
