"""What left the node as an anchor is understood by the verifier: time stamps and mails, as made."""

import base64
import json
from pathlib import Path

import pytest

from skold.anchors.anchoring import Anchoring
from skold.anchors.files import find_newest
from skold.anchors.mail import message_for
from skold.anchors.places import parse_place
from skold.anchors.ways import Sent, Ways
from skold.verifier import verify_audit
from skold.verifier.verify_audit import Ledger, Report, Verification, check_token, read_checkpoint
from tests.support.anchoring import StampAuthority, WebPlace, web_place
from tests.support.audit_ledgers import KEY, ORIGIN, make_ledger, read_leaves, rewrite


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return make_ledger(tmp_path, (20,))


@pytest.fixture
def stamped(ledger: Path, tmp_path: Path) -> Path:
    """The ledger after an authority has stamped its checkpoint."""
    with web_place(WebPlace(answer=StampAuthority(tmp_path / "authority").answer)) as place:
        address = parse_place(f"rfc3161+http://127.0.0.1:{place.port}/tsa")
        Anchoring(ledger, address, Ways(patience=5.0), interval=3600.0).attempt()
    return ledger


def verify(ledger: Path) -> Report:
    return Verification(Ledger(ledger), verify_audit.read_keys([KEY])).run()


def anchor_file(ledger: Path) -> Path:
    (path,) = (ledger / "anchors").glob("*.json")
    return path


def test_a_time_stamp_names_the_time_and_fits_its_checkpoint(stamped: Path) -> None:
    report = verify(stamped)
    assert report.exit_code == 0
    (anchor,) = report.anchors
    newest = find_newest(stamped)
    assert newest is not None
    assert newest.said is not None
    assert anchor["compared"] is True
    assert anchor["stamped"][:8] == newest.said[:10].replace("-", "")


def test_a_time_stamp_of_another_text_is_named(stamped: Path) -> None:
    document = json.loads(anchor_file(stamped).read_bytes())
    raw = bytearray(base64.b64decode(document["receipt"]))
    imprint = verify_audit.hashlib.sha256(document["checkpoint"].encode()).digest()
    place = raw.index(imprint)
    raw[place] ^= 1
    document["receipt"] = base64.b64encode(raw).decode()
    with pytest.raises(ValueError, match="another text"):
        check_token(document)
    anchor_file(stamped).write_text(json.dumps(document))
    assert "anchor_changed" in verify(stamped).findings.counts


def test_an_anchor_shows_a_ledger_that_was_rewritten(stamped: Path) -> None:
    leaves = read_leaves(stamped)
    leaves[30] = leaves[30][0].replace(b"2025", b"2024"), leaves[30][1]
    rewrite(stamped, leaves)
    assert verify(stamped).findings.of(verify_audit.BAD)[0] == "ledger_rewritten"


def test_the_mail_that_a_person_kept_is_read(ledger: Path) -> None:
    note = (ledger / "checkpoint").read_text()
    checkpoint = read_checkpoint(note.encode())
    sent = Sent(ORIGIN, checkpoint.size, checkpoint.root, note)
    mail = message_for(parse_place("mailto:a@example.org"), sent, "node@example.org")
    assert read_checkpoint(mail.as_bytes()) == checkpoint


def test_the_file_of_an_anchor_is_read(stamped: Path) -> None:
    kept = read_checkpoint(anchor_file(stamped).read_bytes())
    assert kept == read_checkpoint((stamped / "checkpoint").read_bytes())
