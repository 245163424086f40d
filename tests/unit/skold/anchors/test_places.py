"""Addresses that checkpoints may go to, and those that tell a secret or send it in the clear."""

import pytest

from skold.anchors.places import AddressInvalidError, parse_place, parse_places


@pytest.mark.parametrize(
    ("address", "kind", "host"),
    [
        ("https://log.example.org/v1/take?from=us", "https", "log.example.org"),
        ("https://log.example.org:8443", "https", "log.example.org"),
        ("http://127.0.0.1:80/", "https", "127.0.0.1"),
        ("http://[::1]:80/", "https", "::1"),
        ("mailto:auditor@example.org", "mail", "example.org"),
        ("rfc3161+https://tsa.example.org/tsr", "rfc3161", "tsa.example.org"),
    ],
)
def test_it_takes(address, kind, host):
    place = parse_place(address)
    assert (place.kind, place.host) == (kind, host)
    assert "/" not in place.name


@pytest.mark.parametrize(
    "address",
    [
        "",
        "log.example.org",
        "ftp://log.example.org",
        "http://log.example.org",
        "rfc3161+http://tsa.example.org",
        "rfc3161+mailto:a@b",
        "https://",
        "https://user:pa55word@log.example.org",
        "https://log.example.org/#pa55word",
        "https://log.example.org:port/",
        "https://log.example.org/a b",
        "https://log.example.org/\r\nX: y",
        "mailto:",
        "mailto:auditor",
        "mailto:a@example.org,b@example.org",
        "mailto:a@example.org?bcc=b@example.org",
        "mailto:a@example.org%0ABcc:b@example.org",
    ],
)
def test_it_refuses(address):
    with pytest.raises(AddressInvalidError) as caught:
        parse_place(address)
    assert "pa55word" not in str(caught.value)


def test_names_differ_where_addresses_do_and_stay():
    first, second = "https://log.example.org/a", "https://log.example.org/b"
    places, wrong = parse_places([first, second, first])
    assert wrong == []
    assert len({place.name for place in places}) == 2
    assert parse_place(first).name == places[0].name
