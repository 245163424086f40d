"""Two templates that could lead to one key are found, whatever their columns hold."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrator.services.collisions import can_collide


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("{id}.jpg", "{id}.jpg", True),
        ("{id}.jpg", "{number}.jpg", True),
        ("{id}.jpg", "{id}.png", False),
        ("photos/{id}", "documents/{id}", False),
        ("{id}", "photos/{id}", True),
        ("{year}/{id}.pdf", "{id}/{page}.pdf", True),
        ("a{x}b", "ab", False),
        ("a{x}b", "acb", True),
        ("a{x}", "{y}b", True),
        ("a" * 300 + "{x}" + "b" * 200, "a" * 300 + "{y}" + "c" * 200, False),
    ],
)
def test_it_says_whether_a_key_could_fit_both(first, second, expected):
    assert can_collide(first, second) is expected
    assert can_collide(second, first) is expected


pieces = st.lists(st.sampled_from(["a", "b", "{x}"]), min_size=1, max_size=4)


def matches(template: list[str], text: str) -> bool:
    pattern = "".join(".+" if piece == "{x}" else piece for piece in template)
    return re.fullmatch(pattern, text) is not None


@given(pieces, pieces, st.text("abc", min_size=1, max_size=6))
def test_no_text_fits_two_templates_that_cannot_collide(first, second, text):
    if matches(first, text) and matches(second, text):
        assert can_collide("".join(first), "".join(second))
