"""Signed notes and checkpoints as C2SP has them; only a known key's right signature counts."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from skold import checkpoints
from skold.checkpoints import Checkpoint, CheckpointInvalidError, open_checkpoint
from skold.merkle import EMPTY_ROOT
from skold.notes import (
    NoteInvalidError,
    Signer,
    Verifier,
    open_note,
    parse_verifier,
    sign,
    split_note,
)

ORIGIN = "example.org/node-1"


def signer(seed: int, name: str = ORIGIN) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


OLD, NEW = signer(1), signer(2)
HEAD = Checkpoint(ORIGIN, 7, b"r" * 32)

# golang.org/x/mod/sumdb/note, its documentation's example.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"  # noqa: E501
)


def test_it_opens_the_note_of_another_implementation() -> None:
    text, signed = open_note(PETER_NOTE, [parse_verifier(PETER)])
    assert text.startswith("If you think cryptography")
    assert [str(key) for key in signed] == [PETER]


def test_a_verify_key_can_be_written_down_and_read_again() -> None:
    line = str(NEW.verifier)
    assert parse_verifier(line + "\n") == NEW.verifier
    name, key_id, key = line.split("+", 2)
    assert (name, len(key_id), base64.b64decode(key)[0]) == (ORIGIN, 8, 1)


@pytest.mark.parametrize("line", ["", "a+b", "a+00000000+AQ==", PETER.replace("c74f", "c74e")])
def test_it_refuses_what_is_no_verify_key(line: str) -> None:
    with pytest.raises(ValueError, match="verify key"):
        parse_verifier(line)


@given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_opened_as_it_was_signed(size: int, root: bytes) -> None:
    head = Checkpoint(ORIGIN, size, root if size else EMPTY_ROOT)
    note = checkpoints.sign(head, [OLD, NEW])
    for keys in ([OLD.verifier], [NEW.verifier], [OLD.verifier, NEW.verifier]):
        assert open_checkpoint(note, keys, ORIGIN) == head
    assert len(note.split("\n")) == 7


def test_a_signature_of_an_unknown_key_is_passed_over_and_never_enough() -> None:
    note = checkpoints.sign(HEAD, [OLD, NEW])
    assert open_note(note, [NEW.verifier])[1] == [NEW.verifier]
    stranger = signer(3).verifier
    with pytest.raises(NoteInvalidError, match="no key that is known"):
        open_note(note, [stranger])
    with pytest.raises(NoteInvalidError, match="no key that is known"):
        open_note(note, [Verifier("example.org/node-2", OLD.verifier.public)])


def test_one_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    good = checkpoints.sign(HEAD, [OLD, NEW])
    forged = checkpoints.sign(Checkpoint(ORIGIN, 8, b"r" * 32), [OLD])
    mixed = "\n".join([*good.split("\n")[:4], forged.split("\n")[4], good.split("\n")[5], ""])
    assert open_note(mixed, [NEW.verifier])
    with pytest.raises(NoteInvalidError, match=r"signature of example\.org/node-1 is wrong"):
        open_note(mixed, [OLD.verifier, NEW.verifier])


@given(st.data())
def test_any_changed_byte_of_the_text_is_refused(draw: st.DataObject) -> None:
    raw = bytearray(checkpoints.sign(HEAD, [NEW]).encode())
    place = draw.draw(st.integers(0, len(checkpoints.format(HEAD)) - 1))
    raw[place] ^= 1 << draw.draw(st.integers(0, 7))
    with pytest.raises(NoteInvalidError):
        open_note(bytes(raw), [NEW.verifier])


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        b"text\n\n\xe2\x80\x94 name AAAAAA",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",
        b"te\x00xt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"t\xff\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAAA\n" * 101,
    ],
)
def test_it_refuses_what_is_no_note(note: bytes) -> None:
    with pytest.raises(NoteInvalidError):
        split_note(note)


@pytest.mark.parametrize("text", ["no line end", "tab\t\n", "return\r\n"])
def test_it_signs_no_text_that_a_note_cannot_carry(text: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        sign(text, [NEW])


def test_nobody_signs_under_a_name_with_spaces_and_no_note_goes_unsigned() -> None:
    with pytest.raises(ValueError, match="no name of a key"):
        signer(1, "two words")
    with pytest.raises(ValueError, match="needs a signature"):
        sign("text\n", [])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        f"origin\n01\n{'A' * 43}=\n",
        f"origin\n-1\n{'A' * 43}=\n",
        f"origin\n1\n{'A' * 40}\n",
        f"\n1\n{'A' * 43}=\n",
        f"origin\n1\n{'A' * 43}=\n\n",
        f"origin\n0\n{'A' * 43}=\n",
    ],
)
def test_it_refuses_what_is_no_checkpoint(text: str) -> None:
    with pytest.raises(CheckpointInvalidError):
        checkpoints.parse(text)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    note = checkpoints.sign(HEAD, [NEW])
    with pytest.raises(CheckpointInvalidError, match=r"not of example\.org/node-2"):
        open_checkpoint(note, [NEW.verifier], "example.org/node-2")
