"""Sources and legacy addresses as the policy carries them."""

import pytest

from contentserver.delivery.sources import SourceTable
from skold.policy import PolicyInvalid

SOURCE = {
    "name": "photos",
    "mode": "hybrid",
    "final": False,
    "collection": "people",
    "key": "photo/{id}.jpg",
    "shadow_share": 10,
    "description": {},
}
ADDRESS = {
    "pattern": "/photo?id={id}",
    "source": "photos",
    "collection": "people",
    "key": "photo/{id}.jpg",
    "client": None,
    "placeholder": None,
}


def table(source=None, address=None):
    return SourceTable(
        {"sources": [SOURCE | (source or {})], "addresses": [ADDRESS | (address or {})]}
    )


def test_a_key_belongs_to_the_source_whose_template_it_fits():
    found = table().find("people", "photo/7.jpg")
    assert found is not None
    assert (found.name, found.asks_legacy) == ("photos", True)
    assert table().find("people", "photo/7.png") is None
    assert table().find("others", "photo/7.jpg") is None


@pytest.mark.parametrize(
    ("mode", "asks"),
    [("legacy", True), ("shadow", True), ("hybrid", True), ("writeback", False), ("disk", False)],
)
def test_legacy_has_a_part_until_the_writers_have_switched(mode, asks):
    assert table({"mode": mode}).of("people")[0].asks_legacy is asks


def test_a_policy_without_sources_has_none():
    empty = SourceTable({})
    assert (empty.rows, empty.addresses, empty.of("people")) == ([], (), ())


def test_a_made_up_key_is_one_of_the_source():
    (source,) = table().of("people")
    assert source.pattern.parse(source.nobodys_key()) is not None
    assert source.nobodys_key() != source.nobodys_key()


@pytest.mark.parametrize(
    ("source", "address", "named"),
    [
        ({"mode": "later"}, {}, r"sources\[0\].mode"),
        ({"key": "{a}{b}"}, {}, r"sources\[0\].key"),
        ({"shadow_share": 1.5}, {}, r"sources\[0\].shadow_share"),
        ({"name": None}, {}, r"sources\[0\].name"),
        ({}, {"pattern": "photo"}, r"addresses\[0\].pattern"),
        ({}, {"key": "{other}.jpg"}, r"addresses\[0\].key"),
        ({}, {"client": 7}, r"addresses\[0\].client"),
    ],
)
def test_a_field_that_cannot_be_used_is_named(source, address, named):
    with pytest.raises(PolicyInvalid, match=named):
        table(source, address)


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        (b"/photo", b"id=7", "photo/7.jpg"),
        (b"/photo", b"id=a%2Fb", "photo/a/b.jpg"),
        (b"/photo", b"id=%2E%2E%2Fx%2F..", None),
        (b"/photo", b"id=x%2F%2F", None),
        (b"/photo", b"id=%00", None),
    ],
)
def test_an_old_url_leads_to_a_key_or_to_none(path, query, key):
    found = table().find_address(path, query)
    assert found is not None
    assert found[1] == key


@pytest.mark.parametrize(("path", "query"), [(b"/photo", b""), (b"/photos", b"id=7"), (b"/", b"")])
def test_other_urls_are_no_legacy_addresses(path, query):
    assert table().find_address(path, query) is None
