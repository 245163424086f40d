"""The policy. The promise: one that breaks the schema is not half obeyed; the field is named."""

import copy

import pytest

from skold.policy import Policy, PolicyInvalid, PolicyReader
from skold.signed import Document
from tests.support.policies import Institution


@pytest.fixture
def payload():
    return Institution().payload


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("clients",), None, "clients"),
        (("clients", 0), "campus", r"clients\[0\]"),
        (("clients", 0, "id"), 7, r"clients\[0\].id"),
        (("clients", 0, "enabled"), "yes", r"clients\[0\].enabled"),
        (("clients", 0, "enabled"), 1, r"clients\[0\].enabled"),
        (("clients", 0, "address_ranges"), ["10.0.0.1/8"], r"clients\[0\].address_ranges"),
        (("clients", 0, "may_act_for"), "sometimes", r"clients\[0\].may_act_for"),
        (("keys", 0, "sha256"), "abc", r"keys\[0\].sha256"),
        (("keys", 0, "expires"), "tomorrow", r"keys\[0\].expires"),
        (("keys", 0, "expires"), True, r"keys\[0\].expires"),
        (("url_keys", 0, "wrapped"), "!", r"url_keys\[0\].wrapped"),
        (("url_keys", 0, "wrapping"), "7", r"url_keys\[0\].wrapping"),
        (("grants", 0, "actions"), ["read", "rule"], r"grants\[0\].actions"),
        (("grants", 0, "actions"), "read", r"grants\[0\].actions"),
        (("grants", 0, "prefix"), None, r"grants\[0\].prefix"),
        (("collections",), [], "collections"),
        (("collections", "photos"), [], "collections.photos"),
        (("collections", "photos", "on_behalf_of"), "", "collections.photos.on_behalf_of"),
        (("collections", "photos", "url_lifetime"), 1.5, "collections.photos.url_lifetime"),
        (("attached",), [], "attached"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(payload, path, value, named):
    Policy.from_payload(payload)
    place = payload
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(PolicyInvalid, match=named):
        Policy.from_payload(payload)


@pytest.mark.parametrize("rows", ["clients", "keys", "url_keys", "grants", "collections"])
def test_a_missing_part_is_named(payload, rows):
    del payload[rows]
    with pytest.raises(PolicyInvalid, match=rows):
        Policy.from_payload(payload)


def test_what_others_attached_is_carried_as_it_is(payload):
    assert Policy.from_payload(payload).attached == {}
    payload["attached"] = {"sources": [{"name": "photos"}]}
    assert Policy.from_payload(payload).attached == {"sources": [{"name": "photos"}]}


def test_keys_of_clients_it_does_not_name_are_unknown(payload):
    payload["clients"][0]["id"] = "somebody"
    policy = Policy.from_payload(payload)
    assert policy.keys == {}
    assert policy.url_keys == {}


def test_collections_keep_all_their_rules(payload):
    policy = Policy.from_payload(payload)
    assert policy.collections["photos"].rules == payload["collections"]["photos"]


def test_a_new_stamp_on_the_same_rules_compiles_nothing(payload):
    documents = [Document(1, 100, payload)]
    reader = PolicyReader(lambda: documents[-1])
    first = reader()
    documents.append(Document(2, 160, copy.deepcopy(payload)))
    assert reader() is first
    changed = copy.deepcopy(payload)
    changed["grants"] = []
    documents.append(Document(3, 220, changed))
    assert reader().granted("campus", "photos", "read").find("a") is None


def test_a_broken_policy_does_not_replace_the_good_one_for_good(payload):
    documents = [Document(1, 100, payload), Document(2, 160, {})]
    reader = PolicyReader(lambda: documents[-1])
    with pytest.raises(PolicyInvalid):
        reader()
    documents.pop()
    assert reader().clients.keys() == {"campus"}
