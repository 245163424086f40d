"""A checkpoint by HTTP: what arrives, what is kept, and what no place can do to us."""

import time

import pytest

from skold.anchors.files import find_newest
from skold.anchors.ways import MAX_ANSWER, NotAnchoredError, Ways
from tests.support.anchoring import WebPlace, make_certificate, web_place


def test_it_posts_the_checkpoint_and_keeps_the_receipt(anchoring, ledger):
    with web_place(WebPlace()) as place:
        anchor = anchoring(f"http://127.0.0.1:{place.port}/take").attempt()
    (asked,) = place.asked
    assert (asked.path, asked.body) == ("/take", ledger.text.encode())
    assert asked.headers["content-type"].startswith("text/plain")
    assert anchor == find_newest(ledger.folder)
    assert (anchor.size, anchor.root, anchor.checkpoint) == (300, ledger.root, ledger.text)
    assert anchor.receipt == b"taken, number 17"


def test_a_token_goes_to_its_host_alone(anchoring, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("elsewhere.example not-for-you\n127.0.0.1 s3cret-t0ken\n")
    tokens.chmod(0o600)
    ways = Ways(tokens_file=tokens, patience=5.0)
    with web_place(WebPlace()) as place:
        anchoring(f"http://127.0.0.1:{place.port}/", ways).attempt()
        anchoring(f"http://localhost:{place.port}/", ways).attempt()
    assert [asked.headers.get("authorization") for asked in place.asked] == [
        "Bearer s3cret-t0ken",
        None,
    ]


def test_a_file_of_tokens_that_everybody_may_read_is_refused(anchoring, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("127.0.0.1 s3cret-t0ken\n")
    tokens.chmod(0o644)
    with web_place(WebPlace()) as place, pytest.raises(NotAnchoredError, match="chmod 600"):
        anchoring(f"http://127.0.0.1:{place.port}/", Ways(tokens_file=tokens)).attempt()
    assert place.asked == []


@pytest.mark.parametrize("status", [199, 302, 401, 500])
def test_no_other_answer_than_2xx_is_an_anchor(anchoring, ledger, status):
    place = WebPlace(answer=lambda _: (status, "text/plain", b""))
    with web_place(place), pytest.raises(NotAnchoredError):
        anchoring(f"http://127.0.0.1:{place.port}/", Ways(patience=1.0)).attempt()
    assert find_newest(ledger.folder) is None


def test_of_a_huge_answer_the_beginning_is_kept(anchoring):
    place = WebPlace(answer=lambda _: (201, "text/plain", b"x" * 50_000_000))
    with web_place(place):
        anchor = anchoring(f"http://127.0.0.1:{place.port}/").attempt()
    assert anchor.receipt == b"x" * MAX_ANSWER


def test_a_place_that_answers_byte_by_byte_ends_with_the_patience(anchoring):
    place = WebPlace(answer=lambda _: (200, "text/plain", b"y" * 100), trickle=0.2)
    started = time.monotonic()
    with web_place(place), pytest.raises(NotAnchoredError):
        anchoring(f"http://127.0.0.1:{place.port}/", Ways(patience=0.7)).attempt()
    assert time.monotonic() - started < 3


def test_a_place_that_is_down_is_named_without_its_path(anchoring):
    with web_place(WebPlace()) as place:
        pass
    with pytest.raises(NotAnchoredError) as caught:
        anchoring(f"http://127.0.0.1:{place.port}/hook/0f9d8c").attempt()
    assert "0f9d8c" not in str(caught.value)


def test_a_certificate_of_nobody_known_is_refused(anchoring, tmp_path, monkeypatch):
    tls = make_certificate(tmp_path, "web")
    with web_place(WebPlace(), tls) as place:
        address = f"https://localhost:{place.port}/"
        with pytest.raises(NotAnchoredError, match="certificate does not verify"):
            anchoring(address).attempt()
        assert place.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tls[0]))
        assert anchoring(address).attempt().receipt == b"taken, number 17"
