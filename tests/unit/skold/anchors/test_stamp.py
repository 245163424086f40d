"""Time stamps by an authority of openssl's: whole, lying, unknown and refusing."""

import base64
import subprocess

import pytest

from skold.anchors.files import find_newest
from skold.anchors.state import read_state
from skold.anchors.ways import NotAnchoredError, Ways
from tests.support.anchoring import StampAuthority, WebPlace, web_place


@pytest.fixture
def authority(tmp_path):
    return StampAuthority(tmp_path / "authority")


def address(place):
    return f"rfc3161+http://127.0.0.1:{place.port}/tsa"


def test_openssl_verifies_the_receipt_against_the_checkpoint(
    anchoring, ledger, authority, tmp_path
):
    with web_place(WebPlace(answer=authority.answer)) as place:
        anchor = anchoring(address(place), Ways(stamp_ca_file=authority.ca_file)).attempt()
    assert place.asked[0].headers["content-type"] == "application/timestamp-query"
    assert anchor.signer_verified is True
    assert anchor.said is not None
    assert anchor.said.endswith("Z")
    (tmp_path / "note").write_text(ledger.text)
    (tmp_path / "stamp").write_bytes(anchor.receipt)
    done = subprocess.run(
        ["openssl", "ts", "-verify", "-data", "note", "-in", "stamp", "-CAfile",
         str(authority.ca_file)],
        check=False, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert "Verification: OK" in done.stdout + done.stderr


def test_without_a_root_certificate_the_state_says_that_nobody_verified_the_signer(
    anchoring, ledger, authority
):
    with web_place(WebPlace(answer=authority.answer)) as place:
        anchor = anchoring(address(place)).attempt()
    state = read_state(ledger.folder, [address(place)])
    assert anchor.signer_verified is False
    assert state.signer_verified == {anchor.place: False}


def test_the_stamp_of_another_authority_is_refused(anchoring, authority, tmp_path):
    other = StampAuthority(tmp_path / "other")
    with (
        web_place(WebPlace(answer=other.answer)) as place,
        pytest.raises(NotAnchoredError, match="signature"),
    ):
        anchoring(address(place), Ways(stamp_ca_file=authority.ca_file)).attempt()


def test_the_stamp_of_an_earlier_request_is_refused(anchoring, ledger, authority):
    kept = []

    def replay(asked):
        kept.append(authority.stamp(asked.body))
        return 200, "application/timestamp-reply", kept[0]

    with web_place(WebPlace(answer=replay)) as place:
        anchoring(address(place)).attempt()
        newest = find_newest(ledger.folder)
        (ledger.folder / "anchors" / f"{newest.size:020d}.{newest.place}.json").unlink()
        with pytest.raises(NotAnchoredError, match="another request"):
            anchoring(address(place)).attempt()
        ledger.grow_to(310)
        with pytest.raises(NotAnchoredError, match="something else"):
            anchoring(address(place)).attempt()
    assert find_newest(ledger.folder) is None


def test_a_flipped_bit_of_the_signature_is_refused(anchoring, authority):
    def flip(asked):
        stamp = bytearray(authority.stamp(asked.body))
        stamp[-8] ^= 1
        return 200, "application/timestamp-reply", bytes(stamp)

    with web_place(WebPlace(answer=flip)) as place, pytest.raises(NotAnchoredError):
        anchoring(address(place), Ways(stamp_ca_file=authority.ca_file)).attempt()


REJECTED = base64.b64decode("MAcwBQIBAgMBAA==")
"""TimeStampResp of PKIStatus 2, rejection, with an empty text (RFC 3161 section 2.4.2)."""


@pytest.mark.parametrize("answer", [b"", b"hello", REJECTED, b"\x30\x80" * 5000, b"0" * 90_000])
def test_no_other_answer_is_taken_for_a_stamp(anchoring, ledger, answer):
    place = WebPlace(answer=lambda _: (200, "application/timestamp-reply", answer))
    with web_place(place), pytest.raises(NotAnchoredError):
        anchoring(address(place)).attempt()
    assert find_newest(ledger.folder) is None
