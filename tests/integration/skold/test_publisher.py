"""The policy follows the database within a second, and never goes back unseen."""

from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from skold import services
from skold.credentials import parse_api_key
from skold.models import ApiKey, Client, Grant, PolicyState
from skold.policy import Policy
from skold.publisher import PolicyNewerOnDiskError, Publisher, build_payload, find_document
from skold.restored_policy import NothingToConfirmError, confirm, difference
from skold.signed import Document

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

ACTOR = "test"


def on_disk(plane: "Control") -> Document:
    from contentserver import runtime

    keys = runtime.data_keyset(plane.config).verify_keys("policy")
    document = find_document(str(plane.config.policy), keys)
    assert document is not None
    return document


def publisher_of(plane: "Control", clock: list[float]) -> Publisher:
    made = plane.publisher
    made._monotonic = lambda: clock[0]
    return made


def test_it_publishes_what_the_gate_can_read(plane: "Control") -> None:
    plane.client("portal", ["read", "write"], "photos")
    policy = Policy.from_payload(on_disk(plane).payload)
    assert list(policy.clients) == ["portal"]
    assert len(policy.keys) == 1
    assert "photos" in policy.collections


def test_it_publishes_once_for_a_change_and_not_again(plane: "Control") -> None:
    clock = [0.0]
    publisher = publisher_of(plane, clock)
    assert publisher.step() == 1
    assert publisher.step() is None
    services.create_client(actor=ACTOR, id="portal", name="Portal")
    assert publisher.step() == 2
    assert publisher.step() is None


def test_it_publishes_when_an_attachment_changes(plane: "Control") -> None:
    attached: dict[str, list[str]] = {"sources": []}
    publisher = publisher_of(plane, [0.0])
    publisher._attachments = lambda: attached
    assert publisher.step() == 1
    assert publisher.step() is None
    attached["sources"].append("photos")
    assert publisher.step() == 2
    assert on_disk(plane).payload["attached"] == {"sources": ["photos"]}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE skold_client SET enabled = false",
        "DELETE FROM skold_grant",
        "UPDATE skold_apikey SET revoked_at = now()",
        (
            "INSERT INTO skold_urlkey (id, client_id, label, created_at, created_by, revoked_by,"
            " wrapped, wrapping) VALUES ('kid', 'portal', '', now(), '', '', 'w', 1)"
        ),
    ],
)
def test_it_notices_a_change_made_past_the_services(plane: "Control", sql: str) -> None:
    plane.client("portal", ["read"])
    assert plane.publisher.step() is None
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert plane.publisher.step() is not None


def test_it_notices_a_change_of_a_collection(home, plane: "Control") -> None:  # type: ignore[no-untyped-def]
    plane.publisher.step()
    home.policy["collections"]["photos"]["max_size"] = 5
    assert plane.publisher.step() == 2
    assert on_disk(plane).payload["collections"]["photos"]["max_size"] == 5


def test_it_stamps_anew_each_minute(plane: "Control") -> None:
    clock = [0.0]
    publisher = publisher_of(plane, clock)
    assert publisher.step() == 1
    clock[0] = 59.9
    assert publisher.step() is None
    clock[0] = 60.0
    assert publisher.step() == 2


def test_a_change_that_is_rolled_back_publishes_nothing(plane: "Control") -> None:
    plane.publisher.step()
    with transaction.atomic():
        services.create_client(actor=ACTOR, id="portal", name="Portal")
        transaction.set_rollback(True)
    assert plane.publisher.step() is None


def test_a_number_given_in_the_database_is_never_given_again(
    plane: "Control", monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space")

    plane.publisher.step()
    monkeypatch.setattr("skold.publisher.publish", full)
    services.create_client(actor=ACTOR, id="portal", name="Portal")
    with pytest.raises(OSError, match="no space"):
        plane.publisher.step()
    monkeypatch.undo()
    assert plane.publisher.step() == 3
    assert [client["id"] for client in on_disk(plane).payload["clients"]] == ["portal"]


def test_a_revoked_key_leaves_the_policy(plane: "Control") -> None:
    key = ApiKey.objects.get(pk=parse_api_key(plane.client("portal", ["read"])))
    services.revoke_api_key(actor=ACTOR, key=key)
    plane.publisher.step()
    assert on_disk(plane).payload["keys"] == []


def restore_older_database(plane: "Control") -> dict[str, str]:
    """Publish up to 4, then put the database back to the state of number 1."""
    plane.client("portal", ["read"], "photos")
    plane.client("clinic", ["read"])
    backup = {key.client_id: key.pk for key in ApiKey.objects.all()}
    kept = PolicyState.objects.get().number
    services.revoke_api_key(actor=ACTOR, key=ApiKey.objects.get(client="portal"))
    services.change_client(
        actor=ACTOR, client=Client.objects.get(pk="clinic"), changes={"enabled": False}
    )
    services.withdraw_grant(actor=ACTOR, grant=Grant.objects.get(client="portal"))
    plane.publish()
    plane.publish()
    ApiKey.objects.update(revoked_at=None, revoked_by="")
    Client.objects.update(enabled=True)
    services.give_grant(
        actor=ACTOR,
        client=Client.objects.get(pk="portal"),
        collection="photos",
        actions=["read"],
    )
    # The backup was taken well before the policy on disk was stamped.
    ApiKey.objects.update(created_at="2020-01-01T00:00Z")
    PolicyState.objects.update(number=kept)
    return backup


def test_it_publishes_nothing_when_the_disk_is_newer(plane: "Control") -> None:
    restore_older_database(plane)
    before = plane.config.policy.read_bytes()
    for _ in range(2):
        with pytest.raises(PolicyNewerOnDiskError, match=r"number 4.*only knows 2.*confirm_policy"):
            plane.publisher.publish()
    assert plane.config.policy.read_bytes() == before


def test_a_deleted_policy_does_not_hide_that_the_disk_was_newer(plane: "Control") -> None:
    from contentserver import runtime

    restore_older_database(plane)
    keyset = runtime.data_keyset(plane.config)
    runtime.policy_file(plane.config, keyset).current()  # a reader remembers the number
    plane.config.policy.unlink()
    with pytest.raises(PolicyNewerOnDiskError):
        plane.publisher.publish()


def test_the_difference_names_every_client(plane: "Control") -> None:
    backup = restore_older_database(plane)
    payload = on_disk(plane).payload
    said = difference(payload, build_payload(payload["collections"], payload["attached"]))
    assert said == [
        "client clinic: disabled after the backup; it stays disabled",
        f"client portal: key {backup['portal']} was revoked after the backup; it stays so",
        "client portal: read @ photos/ was withdrawn after the backup; it holds again",
    ]


def test_confirming_keeps_revoked_keys_revoked_and_goes_on_above(plane: "Control") -> None:
    backup = restore_older_database(plane)
    new = services.issue_api_key(actor=ACTOR, client=Client.objects.get(pk="portal")).key.pk
    confirm(actor="anna", document=on_disk(plane), highest=4)
    assert ApiKey.objects.get(pk=backup["portal"]).revoked_by == "anna"
    assert ApiKey.objects.get(pk=new).revoked_at is None
    assert not Client.objects.get(pk="clinic").enabled
    assert plane.publisher.publish() == 5
    with pytest.raises(NothingToConfirmError):
        confirm(actor="anna", document=on_disk(plane), highest=5)


def test_the_command_shows_before_it_confirms(
    plane: "Control", capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "contentserver.management.commands.confirm_policy.config", lambda: plane.config
    )
    restore_older_database(plane)
    call_command("confirm_policy")
    said = capsys.readouterr().out
    assert "client clinic: disabled after the backup" in said
    assert "--number 4" in said
    for wrong in ({"number": 3, "actor": "anna"}, {"number": 4}):
        with pytest.raises(CommandError, match="number on disk"):
            call_command("confirm_policy", **wrong)
    call_command("confirm_policy", number=4, actor="anna")
    assert plane.publisher.publish() == 5


def test_a_policy_that_does_not_verify_is_replaced_with_an_alarm(
    plane: "Control", caplog: pytest.LogCaptureFixture
) -> None:
    plane.publisher.publish()
    plane.config.policy.write_bytes(b"{}")
    assert plane.publisher.publish() == 2
    assert "policy_unreadable" in caplog.text
    assert on_disk(plane).number == 2
