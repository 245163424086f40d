"""The OpenAPI document gives one name to one thing."""

from drf_spectacular.checks import schema_check


def test_no_two_components_share_a_name() -> None:
    said = [str(warning.msg) for warning in schema_check(None)]
    assert [sentence for sentence in said if "identical names" in sentence] == []
