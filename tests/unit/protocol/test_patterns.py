"""Templates lead from values to a text and back, and old URLs to values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentserver.protocol.patterns import BadPattern, KeyPattern, UrlPattern


@pytest.mark.parametrize(
    "template",
    ["{a}{b}", "{a}-{a}", "{a}-{c}", "{a", "a}", "{}", "{1a}", "{a b}", "{{a}}", "-".join(
        f"{{n{number}}}" for number in range(9)
    )],
)  # fmt: skip
def test_it_refuses_what_says_nothing_or_more_than_one_thing(template: str) -> None:
    with pytest.raises(BadPattern):
        KeyPattern(template, ["a", "b", "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"])


@given(st.text(min_size=1), st.text(min_size=1))
def test_what_was_formatted_is_read_back_or_seen_to_differ(first: str, second: str) -> None:
    pattern = KeyPattern("p/{a}-{b}.jpg", ["b", "a"])
    assert pattern.names == ("a", "b")
    text = pattern.format({"a": first, "b": second})
    found = pattern.parse(text)
    assert found is not None
    assert pattern.format(found) == text
    if "-" not in first:
        assert found == {"a": first, "b": second}


@given(st.text())
def test_what_is_read_leads_back(text: str) -> None:
    pattern = KeyPattern("{a}-{b}", "ab")
    found = pattern.parse(text)
    assert found is None or (pattern.format(found) == text and all(found.values()))


@pytest.mark.parametrize("text", ["", "7", ".jpg", "x7.jpg", "photo/.jpg", "photo/7.jpg "])
def test_other_texts_have_no_values(text: str) -> None:
    assert KeyPattern("photo/{id}.jpg", ["id"]).parse(text) is None


def test_a_template_without_names_is_a_constant() -> None:
    assert KeyPattern("logo.png", []).parse("logo.png") == {}
    assert KeyPattern("logo.png", []).parse("logo.jpg") is None


@pytest.mark.parametrize(
    ("pattern", "path", "query", "values"),
    [
        ("/photo?id={id}", b"/photo", b"id=7", {"id": "7"}),
        ("/photo?id={id}", b"/photo", b"_=99&id=7", {"id": "7"}),
        ("/photo?id={id}", b"/photo", b"id=a%2Fb+c%C3%A5", {"id": "a/b cå"}),
        ("/photo?id={id}", b"/photo", b"id=7&id=8", None),
        ("/photo?id={id}", b"/photo", b"id=", None),
        ("/photo?id={id}", b"/photo", b"", None),
        ("/photo?id={id}", b"/photo/", b"id=7", None),
        ("/photo?id={id}", b"/photo", b"id=%ff", None),
        ("/p?type=photo&n={n}", b"/p", b"n=7&type=photo", {"n": "7"}),
        ("/p?type=photo&n={n}", b"/p", b"n=7&type=scan", None),
        ("/album/{a}/{n}.jpg", b"/album/x%2Fy/7.jpg", b"any=1", {"a": "x/y", "n": "7"}),
        ("/album/{a}/{n}.jpg", b"/album/x/y/7.jpg", b"", None),
        ("/album/{a}/{n}.jpg", b"/album//7.jpg", b"", None),
        ("/fot%o/{n}", b"/foto/7", b"", None),
    ],
)
def test_old_urls_carry_values(
    pattern: str, path: bytes, query: bytes, values: dict[str, str] | None
) -> None:
    assert UrlPattern(pattern).match(path, query) == values


@pytest.mark.parametrize(
    "pattern",
    ["photo/{id}", "/a b", "/a#b", "/{a}/{a}", "/{a}?b={a}", "/a?", "/a?x=1&x=2", "/a?{b}=1"],
)
def test_it_refuses_patterns_that_no_url_could_mean(pattern: str) -> None:
    with pytest.raises(BadPattern):
        UrlPattern(pattern)


@given(st.binary(), st.binary())
def test_no_request_breaks_it(path: bytes, query: bytes) -> None:
    found = UrlPattern("/{a}.{b}?c={c}").match(b"/" + path, query + b"&c=1")
    assert found is None or set(found) == {"a", "b", "c"}
