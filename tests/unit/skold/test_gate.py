"""The gate. The promise: whoever the policy does not allow is refused, and learns nothing by it."""

import pytest

from skold import credentials, urls
from skold.gate import Anonymous, Principal, Reject
from tests.support.policies import Institution, client, collection, grant, median_seconds


@pytest.fixture
def house():
    return Institution()


def decide(house, facts=None, action="read", where="photos", key="a.jpg"):
    gate = house.gate()
    principal = gate.identify(facts or house.asks())
    assert not isinstance(principal, Reject), principal
    return gate.decide(principal, action, where, key)


def test_it_knows_a_client_by_its_key(house):
    assert house.gate().identify(house.asks()) == Principal("campus", house.key.key_id, "api_key")


def test_it_allows_what_a_grant_allows_and_names_it(house):
    decision = decide(house)
    assert (decision.allowed, decision.reason, decision.rule) == (True, "granted", "grant:1")


def test_no_credential_is_anonymous_and_allowed_nothing(house):
    gate = house.gate()
    nobody = gate.identify(house.asks(authorization=None))
    assert nobody == Anonymous()
    decision = gate.decide(nobody, "read", "photos", "a.jpg")
    assert (decision.allowed, decision.reason) == (False, "no_credential")


def test_two_credentials_are_a_reject_even_if_both_are_good(house):
    facts = house.asks(query=house.signed())
    assert house.gate().identify(facts) == Reject("two_credentials")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        "skd_x",
        "Bearer skd_short",
        "Bearer {key}x",
        "Bearer {key}, Bearer {key}",
        "Bearer  {key}",
        "Bearer \u00e9{key}",
        "Digest {key}",
    ],
)
def test_garbled_credentials_are_a_reject(house, given):
    facts = house.asks(authorization=given.replace("{key}", house.key.plaintext))
    found = house.gate().identify(facts)
    assert isinstance(found, Reject)
    assert found.credential is None


def test_the_scheme_may_be_written_in_any_case(house):
    facts = house.asks(authorization=f"bEARER {house.key.plaintext}")
    assert isinstance(house.gate().identify(facts), Principal)


def test_one_wrong_character_of_the_secret_is_a_reject_whatever_the_checksum(house):
    text = house.key.plaintext
    other = "A" if text[20] != "A" else "B"
    body = (text[:20] + other + text[21:])[: -credentials.CHECKSUM_LENGTH]
    forged = body + credentials._checksum(body)
    found = house.gate().identify(house.asks(authorization=f"Bearer {forged}"))
    assert found == Reject("wrong_secret", house.key.key_id, "campus")


def test_a_key_the_policy_does_not_name_is_a_reject(house):
    stranger = credentials.new_api_key()
    found = house.gate().identify(house.asks(authorization=f"Bearer {stranger.plaintext}"))
    assert found == Reject("unknown_key", claimed=stranger.key_id)


def test_a_key_named_like_nobody_is_a_reject(house):
    house.payload["keys"][0]["sha256"] = "00" * 32
    found = house.gate().identify(house.asks())
    assert isinstance(found, Reject)


def test_unknown_key_and_wrong_secret_compare_as_much_and_take_as_long(house, monkeypatch):
    compared = []
    check = credentials.check
    monkeypatch.setattr(credentials, "check", lambda *a: (compared.append(a), check(*a))[1])
    gate = house.gate()
    body = house.key.plaintext[: -credentials.CHECKSUM_LENGTH - 1] + "x"
    wrong = house.asks(authorization=f"Bearer {body}{credentials._checksum(body)}")
    unknown = house.asks(authorization=f"Bearer {credentials.new_api_key().plaintext}")
    assert isinstance(gate.identify(wrong), Reject)
    assert isinstance(gate.identify(unknown), Reject)
    assert len(compared) == 2
    slower, faster = (median_seconds(lambda f=f: gate.identify(f)) for f in (wrong, unknown))
    assert 0.5 < slower / faster < 2


@pytest.mark.parametrize(("lives", "known"), [(1, True), (0, False), (-1, False)])
def test_a_key_ends_with_its_last_second(house, lives, known):
    house.payload["keys"][0]["expires"] = house.now + lives
    found = house.gate().identify(house.asks())
    assert isinstance(found, Principal) is known
    assert known or found == Reject("key_expired", house.key.key_id, "campus")


def test_a_disabled_client_is_a_reject(house):
    house.payload["clients"][0]["enabled"] = False
    assert house.gate().identify(house.asks()).reason == "client_disabled"


def test_a_client_disabled_between_identity_and_decision_is_refused(house):
    gate = house.gate()
    principal = gate.identify(house.asks())
    house.payload["clients"][0]["enabled"] = False
    assert house.gate().decide(principal, "read", "photos", "a").reason == "client_disabled"


@pytest.mark.parametrize(
    ("ranges", "address", "admitted"),
    [
        ([], "203.0.113.9", True),
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "11.1.2.3", False),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1", True),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["10.0.0.0/8"], "2001:db8::1", False),
        (["10.0.0.0/8"], "", False),
        (["0.0.0.0/0"], "unix:", False),
    ],
)
def test_a_client_may_be_bound_to_its_addresses(house, ranges, address, admitted):
    house.payload["clients"][0]["address_ranges"] = ranges
    gate = house.gate()
    for _ in range(2):  # remembered and not
        found = gate.identify(house.asks(address=address))
        assert isinstance(found, Principal) is admitted


@pytest.mark.parametrize(
    ("action", "where", "reason"),
    [
        ("delete", "photos", "no_grant"),
        ("read", "papers", "no_grant"),
        ("read", "nowhere", "unknown_collection"),
        ("read", None, "no_grant"),
        ("administer", None, "no_grant"),
    ],
)
def test_no_rule_is_a_refusal(house, action, where, reason):
    decision = decide(house, action=action, where=where)
    assert (decision.allowed, decision.reason, decision.rule) == (False, reason, None)


def test_a_grant_for_every_collection_covers_them_and_the_institution_but_no_unknown_one(house):
    house.payload["grants"] = [grant(9, "campus", "*", "read")]
    assert decide(house, where="papers").rule == "grant:9"
    assert decide(house, where=None, key=None).allowed
    assert not decide(house, where="nowhere").allowed


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("2025/a", True),
        ("2025/", True),
        ("2025", False),
        ("2024/a", False),
        (None, False),
        ("", False),
    ],
)
def test_a_prefix_bounds_a_grant(house, key, allowed):
    house.payload["grants"] = [grant(1, "campus", "photos", "read", prefix="2025/")]
    assert decide(house, key=key).allowed is allowed


def test_grants_of_others_do_not_help(house):
    house.payload["clients"].append(client("library"))
    house.payload["grants"] = [grant(1, "library", "photos", "read")]
    assert not decide(house).allowed


def test_the_end_user_is_asserted_by_the_client(house):
    found = house.gate().identify(house.asks(on_behalf_of="anna"))
    assert (found.end_user, found.end_user_known) == ("anna", "asserted")


@pytest.mark.parametrize("name", ["", "a\nb", "a\x00b", "x" * 257, "é" * 129])
def test_an_end_user_that_is_no_name_is_a_reject(house, name):
    found = house.gate().identify(house.asks(on_behalf_of=name))
    assert found.reason == "malformed_on_behalf_of"


@pytest.mark.parametrize("by", ["client", "collection"])
@pytest.mark.parametrize(
    ("rule", "end_user", "reason"),
    [
        ("optional", None, "granted"),
        ("optional", "anna", "granted"),
        ("required", None, "end_user_required"),
        ("required", "anna", "granted"),
        ("forbidden", None, "granted"),
        ("forbidden", "anna", "end_user_forbidden"),
    ],
)
def test_client_and_collection_rule_over_the_end_user(house, by, rule, end_user, reason):
    if by == "client":
        house.payload["clients"][0]["may_act_for"] = rule
    else:
        house.payload["collections"]["photos"] = collection(on_behalf_of=rule)
    decision = decide(house, house.asks(on_behalf_of=end_user))
    assert (decision.allowed, decision.reason) == (reason == "granted", reason)


def test_a_collection_that_asks_for_proof_takes_no_mere_assertion(house):
    house.payload["collections"]["photos"] = collection(on_behalf_of="proof")
    assert decide(house, house.asks()).reason == "end_user_required"
    assert decide(house, house.asks(on_behalf_of="anna")).reason == "end_user_unproven"
    assert decide(house, house.asks_signed(query=house.signed(subject="anna"))).allowed


def test_whether_an_end_user_is_missing_is_told_only_to_those_with_a_grant(house):
    house.payload["collections"]["papers"] = collection(on_behalf_of="required")
    assert decide(house, where="papers").reason == "no_grant"


def test_a_new_policy_forgets_what_the_old_one_knew(house):
    policies = [house.gate()._policy()]
    house.payload["keys"] = []
    policies.append(house.gate()._policy())
    gate = house.gate()
    gate._policy = lambda: policies[0]
    assert isinstance(gate.identify(house.asks()), Principal)
    gate._policy = lambda: policies[1]
    assert gate.identify(house.asks()).reason == "unknown_key"


# -- signed URLs ---------------------------------------------------------------------------------


def test_it_knows_who_signed_and_for_whom(house):
    query = house.signed(subject="anna", disposition="attachment")
    found = house.gate().identify(house.asks_signed(query=query))
    expected = Principal(
        "campus", "kid-1", "signed_url", "anna", "signed_url", house.now + 600, "attachment"
    )
    assert found == expected
    assert decide(house, house.asks_signed(query=query)).allowed


def test_a_url_for_get_serves_head_and_nothing_else(house):
    query = house.signed("GET")
    gate = house.gate()
    for method in ("GET", "HEAD"):
        assert isinstance(gate.identify(house.asks_signed(method, query)), Principal)
    for method in ("PUT", "DELETE", "POST", "PATCH", "get"):
        assert isinstance(gate.identify(house.asks_signed(method, query)), Reject)


def test_a_url_for_head_does_not_serve_get(house):
    found = house.gate().identify(house.asks_signed("GET", house.signed("HEAD")))
    assert found.reason == "wrong_signature"


@pytest.mark.parametrize(
    "change",
    [
        lambda q: q.replace(b"expires=1", b"expires=2"),
        lambda q: q.replace(b"sub=anna", b"sub=berta"),
        lambda q: q.replace(b"&sub=anna", b""),
        lambda q: q + b"&version=2025.1",
        lambda q: q + b"&=",
        lambda q: q[:-1] + (b"0" if q[-1:] != b"0" else b"1"),
        lambda q: q[:-2],
        lambda q: q.replace(b"sig=", b"sig=0"),
        lambda q: q.upper().replace(b"SIG=", b"sig="),
    ],
)
def test_an_altered_url_is_a_reject(house, change):
    query = house.signed(subject="anna")
    altered = change(query)
    assert altered != query
    assert isinstance(house.gate().identify(house.asks_signed(query=altered)), Reject)


def test_a_url_for_another_file_is_a_reject(house):
    found = house.gate().identify(house.asks_signed(raw_path=b"/v1/content/photos/b.jpg"))
    assert found == Reject("wrong_signature", "kid-1", "campus")


def test_the_path_counts_as_it_was_sent(house):
    """%2F and / may mean the same file; they are not the same signed line."""
    query = house.signed(path="/v1/content/photos/a%2Fb")
    gate = house.gate()
    good = house.asks_signed(query=query, raw_path=b"/v1/content/photos/a%2Fb")
    assert isinstance(gate.identify(good), Principal)
    other = house.asks_signed(query=query, raw_path=b"/v1/content/photos/a/b")
    assert isinstance(gate.identify(other), Reject)


@pytest.mark.parametrize(("later", "known"), [(599, True), (600, False), (601, False)])
def test_a_url_ends_with_its_last_second(house, later, known):
    query = house.signed()
    house.now += later
    found = house.gate().identify(house.asks_signed(query=query))
    assert isinstance(found, Principal) is known


def test_a_url_dies_with_its_key(house):
    query = house.signed()
    house.payload["url_keys"][0]["expires"] = house.now
    assert house.gate().identify(house.asks_signed(query=query)).reason == "url_key_expired"
    house.payload["url_keys"] = []
    assert house.gate().identify(house.asks_signed(query=query)).reason == "unknown_url_key"


def test_a_url_dies_with_its_signers_grants_and_client(house):
    query = house.signed()
    for actions, reason in ((["read"], "no_grant_to_sign"), (["sign"], "no_grant")):
        house.payload["grants"] = [grant(1, "campus", "photos", *actions)]
        assert decide(house, house.asks_signed(query=query)).reason == reason
    house.payload["clients"][0]["enabled"] = False
    assert house.gate().identify(house.asks_signed(query=query)).reason == "client_disabled"


@pytest.mark.parametrize(
    ("lifetime", "reason"), [(3600, "granted"), (3601, "url_lifetime_too_long")]
)
def test_the_collection_limits_how_long_a_url_may_live(house, lifetime, reason):
    query = house.signed(expires=house.now + lifetime)
    assert decide(house, house.asks_signed(query=query)).reason == reason


def test_a_signed_url_opens_nothing_outside_collections(house):
    house.payload["grants"] = [grant(1, "campus", "*", "read", "sign", "administer")]
    decision = decide(house, house.asks_signed(), action="administer", where=None, key=None)
    assert decision.reason == "signed_url_without_collection"


def test_nobody_can_write_an_end_user_beside_a_signed_url(house):
    found = house.gate().identify(house.asks_signed(on_behalf_of="berta"))
    assert found.reason == "on_behalf_of_beside_signed_url"


def test_a_signed_url_may_be_used_from_anywhere(house):
    house.payload["clients"][0]["address_ranges"] = ["192.0.2.0/24"]
    assert isinstance(house.gate().identify(house.asks_signed(address="203.0.113.1")), Principal)


def test_a_wrapping_key_that_is_missing_or_wrong_is_no_refusal(house):
    gate = house.gate()
    for keys in ({}, {7: b"x" * 32}):
        gate._wrapping_keys = keys
        gate._prepared_for = None
        with pytest.raises(urls.UrlKeyUnusable, match="kid-1"):
            gate.identify(house.asks_signed())


def test_signing_keys_are_unwrapped_once(house, monkeypatch):
    unwrapped = []
    unwrap = urls.unwrap_url_key
    monkeypatch.setattr(urls, "unwrap_url_key", lambda *a: (unwrapped.append(a), unwrap(*a))[1])
    gate = house.gate()
    for _ in range(3):
        assert isinstance(gate.identify(house.asks_signed()), Principal)
    assert len(unwrapped) == 1


def test_no_signature_or_secret_is_in_what_the_gate_hands_out(house):
    query = house.signed(subject="anna")
    signature = query.rpartition(b"sig=")[2].decode()
    found = repr(house.gate().identify(house.asks_signed(query=query)))
    assert signature not in found
    assert house.key.plaintext not in repr(house.gate().identify(house.asks()))
