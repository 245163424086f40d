"""Signed URLs. The promise: what was signed is accepted, and nothing else."""

import contextlib
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from skold import urls

SECRET = b"s" * 32
PATH = "/v1/content/photos/a.jpg"
printable = st.text(min_size=1, max_size=40).filter(urls.is_name)


def sent(url):
    path, _, query = url.partition("?")
    return path.encode(), urls.parse(query.encode())


@given(
    st.sampled_from(sorted(urls.METHODS)),
    st.integers(0, 10**11),
    st.none() | printable,
    st.sampled_from([None, "inline", "attachment"]),
    st.lists(
        st.tuples(st.sampled_from(["version", "as_of", "é"]), st.text(max_size=20)),
        max_size=2,
        unique_by=lambda pair: pair[0],
    ),
)
def test_what_is_signed_is_accepted_and_read_back(method, expires, subject, disposition, more):
    url = urls.sign_url(
        SECRET,
        "kid-1",
        method,
        PATH,
        expires=expires,
        subject=subject,
        disposition=disposition,
        parameters=more,
    )
    path, given = sent(url)
    assert urls.matches(SECRET, method, path, given)
    assert (given.kid, given.expires, given.subject, given.disposition) == (
        "kid-1",
        expires,
        subject,
        disposition,
    )
    assert (
        dict(more).items() <= dict(parse_qsl(urlsplit(url).query, keep_blank_values=True)).items()
    )


@given(st.binary(min_size=1, max_size=4), st.integers(0, 10**6), printable)
def test_no_changed_byte_is_accepted(noise, place, subject):
    url = urls.sign_url(SECRET, "kid-1", "GET", PATH, expires=1000, subject=subject)
    query = url.partition("?")[2].encode()
    place %= len(query)
    altered = query[:place] + noise + query[place + len(noise) :]
    try:
        given = urls.parse(altered)
    except urls.MalformedUrl:
        return
    assume(
        given != urls.parse(query)
    )  # %41 for A, + for %2B: the same parameters otherwise written
    assert not urls.matches(SECRET, "GET", PATH.encode(), given)


@given(st.binary(max_size=200))
def test_no_query_does_more_than_be_malformed(query):
    urls.is_signed(query)
    with contextlib.suppress(urls.MalformedUrl):
        assert urls.parse(query).expires >= 0


@pytest.mark.parametrize(
    "query",
    [
        b"expires=1&kid=a&sig=b&sig=b",
        b"expires=1&expires=2&kid=a&sig=b",
        b"expires=1&kid=a&k%69d=b&sig=b",
        b"kid=a&sig=b",
        b"expires=1&sig=b",
        b"expires=1&kid=a",
        b"expires=&kid=a&sig=b",
        b"expires=-1&kid=a&sig=b",
        b"expires=1.5&kid=a&sig=b",
        "expires=\u0661&kid=a&sig=b".encode(),
        b"expires=9999999999999&kid=a&sig=b",
        b"expires=1&kid=%ff&sig=b",
        b"expires=1&kid=a&sig=b&sub=",
        b"expires=1&kid=a&sig=b&sub=a%0ab",
        b"expires=1&kid=a&sig=b&disposition=run",
    ],
)
def test_what_contradicts_itself_is_malformed(query):
    with pytest.raises(urls.MalformedUrl):
        urls.parse(query)


def test_parameters_count_in_whatever_order_they_come():
    url = urls.sign_url(SECRET, "kid-1", "GET", PATH, expires=1000, subject="anna")
    query = url.partition("?")[2]
    backwards = "&".join(reversed(query.split("&"))).encode()
    assert urls.matches(SECRET, "GET", PATH.encode(), urls.parse(backwards))


def test_a_plus_is_a_plus_and_not_a_space():
    assert urls.parse(b"expires=1&kid=a&sig=b&sub=a+b").subject == "a+b"


def test_it_hands_out_nothing_that_it_would_not_accept():
    with pytest.raises(urls.MalformedUrl):
        urls.sign_url(SECRET, "kid-1", "POST", PATH, expires=1000)
    with pytest.raises(urls.MalformedUrl):
        urls.sign_url(SECRET, "kid-1", "GET", PATH, expires=1000, subject="a\nb")
    with pytest.raises(urls.MalformedUrl):
        urls.sign_url(SECRET, "kid-1", "GET", PATH, expires=1000, parameters=[("kid", "other")])


def test_a_signing_key_opens_only_under_its_wrapping_key_and_name():
    secret, wrapping = urls.new_url_secret(), b"w" * 32
    wrapped = urls.decode_wrapped(urls.wrap_url_key(wrapping, "kid-1", secret))
    assert urls.unwrap_url_key(wrapping, "kid-1", wrapped) == secret
    for key, kid in ((b"x" * 32, "kid-1"), (wrapping, "kid-2")):
        with pytest.raises(urls.UrlKeyUnusable, match=kid):
            urls.unwrap_url_key(key, kid, wrapped)


@pytest.mark.parametrize("text", ["!", "", "YQ=="])
def test_a_wrapped_key_that_cannot_be_one_is_refused(text):
    with pytest.raises(ValueError, match=r"base64|short"):
        urls.decode_wrapped(text)
