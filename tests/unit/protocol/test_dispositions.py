"""RFC 6266 and RFC 8187: whatever a file is called, the header is safe and has its name."""

import contextlib
import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol.dispositions import (
    BadDisposition,
    content_disposition,
    parse_filename,
    sanitise_filename,
)

WRITTEN = [
    (None, "attachment"),
    ("", "attachment"),
    ("photo.jpg", 'attachment; filename="photo.jpg"'),
    ("my photo (1).jpg", 'attachment; filename="my photo (1).jpg"'),
    ('a"b.txt', "attachment; filename=\"a_b.txt\"; filename*=UTF-8''a%22b.txt"),
    ("a\\b.txt", 'attachment; filename="a_b.txt"'),
    ("../../etc/passwd", 'attachment; filename="_.._etc_passwd"'),
    ("a\r\nSet-Cookie: x=1", 'attachment; filename="aSet-Cookie: x=1"'),
    ("a\x00b.txt", 'attachment; filename="ab.txt"'),
    ("photo\u202egpj.exe", 'attachment; filename="photogpj.exe"'),
    ("50%.txt", "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt"),
    ("résumé.pdf", "attachment; filename=\"r_sum_.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf"),
    ("€ rates", "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates"),
    ("...", "attachment"),
    ("\r\n", "attachment"),
    (" name. ", 'attachment; filename="name"'),
    ("a;b=c.txt", 'attachment; filename="a;b=c.txt"'),
    ("'quoted'.txt", "attachment; filename=\"'quoted'.txt\""),
]


@pytest.mark.parametrize(("filename", "expected"), WRITTEN)
def test_it_writes_a_safe_header(filename, expected):
    assert content_disposition("attachment", filename) == expected


def test_it_says_inline_when_told_to():
    assert content_disposition("inline", "a.png") == 'inline; filename="a.png"'


SHAPE = re.compile(
    r"""attachment(?:;\ filename="[^"\\%\x00-\x1f\x7f-\U0010ffff]*"
        (?:;\ filename\*=UTF-8''(?:[!#$&+.^_`|~0-9A-Za-z-]|%[0-9A-F]{2})+)?)?""",
    re.VERBOSE,
)
NAMES = st.text(max_size=300) | st.text(
    st.sampled_from('a"\\/%.; \r\n\x00\u202e\u2028é€\U0001f4f7\ud800'), max_size=300
)


@given(NAMES)
def test_whatever_the_name_the_header_is_ascii_and_has_one_shape(filename):
    value = content_disposition("attachment", filename)
    assert SHAPE.fullmatch(value), value


@given(NAMES)
def test_a_sanitised_name_is_no_path_and_fits(filename):
    name = sanitise_filename(filename)
    assert len(name.encode()) <= 255
    assert not re.search(r"[/\\\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", name)
    assert name not in {".", ".."}
    assert sanitise_filename(name) == name


@given(NAMES)
def test_the_name_it_writes_is_the_name_it_reads(filename):
    value = content_disposition("attachment", filename)
    expected = sanitise_filename(filename) or None
    assert parse_filename(value) == expected
    if "filename*" in value:
        assert unquote(value.partition("UTF-8''")[2]) == expected


def test_a_name_too_long_keeps_its_extension():
    name = sanitise_filename("é" * 200 + ".jpg")
    assert name.endswith(".jpg")
    assert 250 < len(name.encode()) <= 255


READ = [
    (None, None, "no field"),
    ("attachment", None, "6266, 4.1: disposition-type alone"),
    ("Attachment; FILENAME=example.html", "example.html", '6266, 5: names are "case-insensitive"'),
    ('INLINE; filename= "an example.html"', "an example.html", "6266, 5: quoted-string"),
    ("attachment; filename*= UTF-8''%e2%82%ac%20rates", "€ rates", "6266, 5: the example"),
    (
        "attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates",
        "€ rates",
        '6266, 4.3 "recipients SHOULD pick "filename*" and ignore "filename""',
    ),
    (
        "attachment; filename*=iso-8859-1'en'%A3%20rates",
        "£ rates",
        "8187, 3.2.3: the example, with a language",
    ),
    (r'attachment; filename="a\"b\\c"', 'a"b\\c', "9110, 5.6.4: quoted-pair"),
    (
        'attachment; filename="r\xc3\xa9sum\xc3\xa9"',
        "résumé",
        "bytes of UTF-8, as browsers send them",
    ),
    ('attachment; filename="\xe9"', "é", "6266, 4.3: ISO-8859-1"),
    (
        "attachment; foo=bar; filename=x;",
        "x",
        "6266, 4.1: disp-ext-parm; an empty parameter at the end",
    ),
    ('attachment; filename=""', None, "an empty name is none"),
]


@pytest.mark.parametrize(("value", "expected", "sentence"), READ)
def test_it_reads_the_name_that_an_upload_carries(value, expected, sentence):
    assert parse_filename(value) == expected, sentence


@pytest.mark.parametrize(
    "value",
    [
        "",
        "; filename=x",
        "attachment filename=x",
        'attachment; filename="x',
        "attachment; filename=a b",
        "attachment; filename=x; filename=y",
        "attachment; filename*=x",
        "attachment; filename*=UTF-8''%zz",
        "attachment; filename*=UTF-8''%ff",
        "attachment; filename*=UTF-16''x",
        'attachment; filename="a\r\nb"',
        'attachment; filename="a\x00b"',
    ],
)
def test_it_refuses_a_disposition_it_cannot_read(value):
    with pytest.raises(BadDisposition):
        parse_filename(value)


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_nothing_that_is_sent_raises_anything_else(value):
    with contextlib.suppress(BadDisposition):
        assert parse_filename("attachment;" + value) != ""
