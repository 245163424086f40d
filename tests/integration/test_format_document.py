"""docs/format.md is exact: a reader made from it alone opens all that a running server wrote."""

import hashlib
import hmac
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from contentserver import runtime
from contentserver.store.metadata import Metadata
from skold.ledger.sequencer import Sequencer
from tests.support import second_reader as reader
from tests.support import skf1
from tests.support.plane import DataPlane

PHOTO = bytes(range(256)) * 1200
LETTER = b"Dear reader\n"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> DataPlane:
    """A home whose server has stored, replaced, deleted, refused and staged, and was stopped."""
    plane = DataPlane(tmp_path_factory.mktemp("format") / "home").start()
    try:
        for body in (b"first", PHOTO):
            assert plane.http.put("/v1/content/photos/a/1.jpg", content=body).status_code == 201
        headers = {"On-Behalf-Of": "m.lind"}
        letter = "/v1/content/documents/letter"
        assert plane.http.put(letter, content=LETTER, headers=headers).status_code == 201
        assert plane.http.delete(letter).status_code == 204
        assert plane.client().get(letter).status_code == 401
    finally:
        plane.stop()
        plane.http.close()
    return plane


def keyset(plane: DataPlane) -> reader.Keys:
    config = plane.config
    return reader.read_keyset(
        config.data_keyset, reader.read_root_key(config.data_root_key), "data"
    )


def stored(plane: DataPlane, collection: str, key: str, number: int, **keys: Any) -> skf1.Opened:
    found = keyset(plane)
    naming = found["naming"]["1"]
    address = skf1.address(naming, collection, key)
    name = address.hex()
    (year,) = [entry for entry in plane.config.roots[0].iterdir() if entry.name.isdigit()]
    path = year / name[:2] / name[2:4] / f"{name}.{number}"
    assert path.stat().st_mode & 0o7777 == 0o444
    return skf1.open_file(
        path.read_bytes(),
        year_keys={int(kek_id): key for kek_id, key in found["year"].items()},
        naming=naming,
        erasure_keys=keys.get("erasure_keys", {}),
        asked_address=address,
        asked=(int(year.name), number),
    )


def erasure_key(plane: DataPlane, collection: str, subject: str) -> dict[bytes, bytes]:
    found = keyset(plane)
    text = b"erasure\0" + collection.encode() + b"\0" + subject.encode()
    erasure_id = hmac.new(found["naming"]["1"], text, hashlib.sha256).digest()[:16]
    folder = plane.config.erasure_keys
    return {erasure_id: reader.read_erasure_key(folder, erasure_id, found["erasure"])}


def test_it_opens_every_version_from_the_root_key_on(stopped):
    assert stored(stopped, "photos", "a/1.jpg", 1).plain == b"first"
    photo = stored(stopped, "photos", "a/1.jpg", 2)
    assert photo.plain == PHOTO
    assert photo.metadata["created_by"] == "tester"


def test_it_opens_an_erasable_file_and_its_delete_marker_with_the_erasure_key(stopped):
    keys = erasure_key(stopped, "documents", "letter")
    letter = stored(stopped, "documents", "letter", 1, erasure_keys=keys)
    assert letter.plain == LETTER
    assert letter.metadata["on_behalf_of"] == "m.lind"
    marker = stored(stopped, "documents", "letter", 2, erasure_keys=keys)
    assert (marker.plain, marker.flags) == (b"", 0b101)


def test_it_knows_the_root(stopped):
    root = stopped.config.roots[0]
    identity = json.loads((root / "root.json").read_bytes())
    assert identity.keys() == {"format", "id", "name", "created"}
    assert (identity["format"], identity["name"]) == ("skold-root-1", "root-1")
    assert uuid.UUID(identity["id"])


def test_it_reads_the_outbox_as_links_to_versions(stopped):
    root = stopped.config.roots[0]
    entries = [*(root / "outbox" / "new").glob("*/*")]
    assert len(entries) == 4
    for entry in entries:
        assert len(entry.parent.name) == len("20250131T1200")
        address, year, number = entry.name.split(".")
        slot = root / year / address[:2] / address[2:4] / f"{address}.{number}"
        assert entry.samefile(slot)


def test_it_verifies_policy_and_layout(stopped):
    found, config = keyset(stopped), stopped.config
    policy = reader.read_signed(config.policy, "policy", found["verify-policy"])
    assert policy == stopped.policy
    layout = reader.read_signed(config.layout, "layout", found["verify-layout"])
    ((place,),) = layout["years"].values()
    assert place == {"root": "root-1", "state": "open"}
    assert config.policy.with_name("policy.json.highest").read_text() == "1\n"


def test_it_finds_the_same_signing_keys_in_the_keyset_of_the_bridge(stopped):
    config = stopped.config
    bridge = reader.read_keyset(
        config.bridge_keyset, reader.read_root_key(config.bridge_root_key), "bridge"
    )
    for kind, keys in keyset(stopped).items():
        if kind.startswith("verify-"):
            purpose = kind.removeprefix("verify-")
            ((key_id, public),) = keys.items()
            assert key_id == f"{purpose}-{hashlib.sha256(public).hexdigest()[:16]}"
            assert bridge[f"sign-{purpose}"].keys() == keys.keys()


def journal_records(plane: DataPlane) -> list[reader.Record]:
    (directory,) = plane.config.journal_dirs
    writers = [entry for entry in directory.iterdir() if entry.name != "slots"]
    return [record for writer in sorted(writers) for record in reader.iter_records(writer)]


def test_it_verifies_the_journal_and_pairs_every_request(stopped):
    records = [record.fields for record in journal_records(stopped)]
    assert records[0]["kind"] == "open"
    assert records[-1]["kind"] == "close"
    asked = {record["n"]: record for record in records if record["kind"] == "req"}
    done = {record["ref"]: record for record in records if record["kind"] == "done"}
    assert asked.keys() == done.keys()
    statuses = [done[n]["status"] for n in sorted(asked)]
    assert statuses == [201, 201, 201, 204, 401]


def test_private_parts_stand_under_their_commitment(stopped):
    told = [record for record in journal_records(stopped) if record.private]
    assert len(told) == 5
    for record in told:
        assert record.fields["private"] == hashlib.sha256(record.private).hexdigest()
        assert len(bytes.fromhex(json.loads(record.private)["salt"])) == 16
    assert any(json.loads(record.private).get("end_user") == "m.lind" for record in told)


def test_the_ledger_holds_every_record_once(stopped, tmp_path):
    node = stopped.config.node
    sequencer = Sequencer(stopped.config.journal_dirs, tmp_path, node)
    while sequencer.step():
        pass
    sequencer.close()
    records = [r for r in journal_records(stopped) if r.fields["kind"] != "beat"]
    mark = json.loads((tmp_path / "mark").read_bytes())
    assert (mark["format"], mark["leaves"]) == ("skold-ledger-mark-1", len(records))
    bundle = f"entries/000.p/{len(records)}"
    assert reader.read_bundle(tmp_path / "tile" / bundle, 2) == [r.body for r in records]
    assert reader.read_bundle(tmp_path / "private" / bundle, 4) == [r.private for r in records]


def test_it_reads_a_staged_upload_and_its_receipt(home):
    config = home.config
    keys = runtime.data_keyset(config)
    store = runtime.open_store(config, keys, runtime.layout_file(config, keys))
    upload_id = uuid.uuid4()
    folder = config.roots[0] / "staging" / str(upload_id)
    metadata = Metadata(collection="photos", key="b.jpg")
    with store.create_upload(
        actor="tester", metadata=metadata, length=6, upload_id=upload_id
    ) as up:
        for piece in (b"abc", b"def"):
            up.write(piece)
            up.end_part()
        info = staged(home, folder / "info", upload_id)
        assert [part["size"] for part in info["parts"]] == [3, 3]
        assert (info["actor"], info["length"]) == ("tester", 6)
        assert [part_of(folder, info, number) for number in (1, 2)] == [b"abc", b"def"]
        receipt = up.commit(actor="tester")
    kept = staged(home, folder / "receipt", upload_id)
    assert (kept["format"], kept["etag"]) == ("skold-receipt-1", receipt.etag)
    store.close()


def staged(home: Any, path: Path, upload_id: uuid.UUID) -> dict[str, Any]:
    return reader.read_staged(path, upload_id.bytes, keyset(home)["year"])


def part_of(folder: Path, info: dict[str, Any], number: int) -> bytes:
    raw = (folder / f"part.{number}").read_bytes()
    file_id = bytes.fromhex(info["file_id"])
    if number == 1:
        ikm = skf1.body_key(reader.base64.b64decode(info["dek"]))
        return skf1.open_body(ikm, file_id, raw[info["header_len"] :])
    ikm = skf1.part_key(reader.base64.b64decode(info["upload_key"]), number)
    return skf1.open_body(ikm, file_id, raw)
