"""A record's key leads back to the record, or there is no key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.legacy.description import Content, Description, Records
from migrator.legacy.errors import BadKey
from migrator.legacy.keys import key_of, record_of

DESCRIPTION = Description(
    name="photos",
    collection="photos",
    key="photo/{number}-{person}.jpg",
    records=Records(table="photo", key_columns=("person", "number")),
    content=Content(kind="bytea", data="data"),
)


def test_columns_keep_their_order_whatever_the_template_says() -> None:
    assert key_of(DESCRIPTION, ("ann", "7")) == "photo/7-ann.jpg"
    assert record_of(DESCRIPTION, "photo/7-ann.jpg") == ("ann", "7")
    assert record_of(DESCRIPTION, "photo/7.jpg") is None


@given(st.tuples(st.text(), st.text()))
def test_every_key_leads_back(record_id: tuple[str, str]) -> None:
    try:
        key = key_of(DESCRIPTION, record_id)
    except BadKey:
        return
    assert record_of(DESCRIPTION, key) == record_id


@pytest.mark.parametrize(
    "record_id",
    [("ann", "1-2"), ("", "7"), ("ann", ""), ("a//b", "7"), ("a\nb", "7"), ("a" * 600, "7")],
)
def test_what_leads_to_no_key_or_not_back_is_an_error(record_id: tuple[str, str]) -> None:
    with pytest.raises(BadKey):
        key_of(DESCRIPTION, record_id)
