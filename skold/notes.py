"""C2SP signed notes with Ed25519 (c2sp.org/signed-note): text that one or more keys have signed.

    <text, ends in a line end>
    <empty line>
    — <key name> <base64 of key id[4] || signature>

Pure. A key is named by its name and id = SHA-256(name || 0A || 01 || public key)[:4]. As one line,
for an auditor to write down: `<name>+<id, hex>+<base64 of 01 || public key>`.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
MOST_SIGNATURES = 100
LONGEST = 1_000_000
"""Bytes of a note; more is refused before anything is verified."""
_DASH = "\u2014 "
_CONTROL = frozenset(map(chr, range(0x20))) - {"\n"}


class NoteInvalidError(Exception):
    """Not a note, or no known key has signed it, or a known key's signature is wrong."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key (32 bytes) under a name."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes, which name the key together with `name`."""
        named = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(named).digest()[:4]

    def __str__(self) -> str:
        """The verify key as one line."""
        key = base64.b64encode(ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{key}"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key under a name. Raises ValueError for a name that no note can carry."""

    name: str
    private: Ed25519PrivateKey

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise ValueError(f"{self.name!r} is no name of a key: no spaces, no plus")

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self.private.public_key().public_bytes_raw())


def parse_verifier(line: str) -> Verifier:
    """The key that `str(verifier)` wrote. Raises ValueError."""
    try:
        name, key_id, text = line.strip().split("+", 2)  # base64 may hold a plus
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("a verify key is <name>+<id>+<base64>") from None
    found = Verifier(name, key[1:])
    if not _is_name(name) or key[:1] != ED25519 or len(key) != 33 or found.key_id.hex() != key_id:
        raise ValueError("this is no Ed25519 verify key, or its id is not that of the key")
    return found


def sign(text: str, signers: Iterable[Signer]) -> str:
    """The note: `text`, and a signature of each signer in their order.

    Raises ValueError for a text that a note cannot carry, or when nobody signs.
    """
    if not text.endswith("\n") or _CONTROL.intersection(text):
        raise ValueError(
            "the text of a note ends in a line end and has no other control characters"
        )
    raw = text.encode()
    lines = [
        f"{_DASH}{signer.name} "
        + base64.b64encode(signer.verifier.key_id + signer.private.sign(raw)).decode()
        for signer in signers
    ]
    if not lines:
        raise ValueError("a note needs a signature")
    return text + "\n" + "\n".join(lines) + "\n"


def open_note(note: str | bytes, verifiers: Iterable[Verifier]) -> tuple[str, list[Verifier]]:
    """The text of a note, and which of the keys have signed it.

    Signatures of other keys are passed over. Raises NoteInvalidError for what is no note, for a
    wrong signature of a known key, and when none of the keys has signed.
    """
    text, signatures = split_note(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    signed: dict[tuple[str, bytes], Verifier] = {}
    for name, raw in signatures:
        place = name, raw[:4]
        if place in known and place not in signed:
            _check(known[place], raw[4:], text)
            signed[place] = known[place]
    if not signed:
        raise NoteInvalidError("no key that is known here has signed it")
    return text, list(signed.values())


def split_note(note: str | bytes) -> tuple[str, Sequence[tuple[str, bytes]]]:
    """Text and signatures (name, key id || signature) of a note, nothing verified yet.

    Raises NoteInvalidError for what is no note.
    """
    raw = note.encode() if isinstance(note, str) else note
    if len(raw) > LONGEST:
        raise NoteInvalidError("it is too long for a note")
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        raise NoteInvalidError("it is not UTF-8") from None
    text, gap, signatures = whole.rpartition("\n\n")
    if not gap or not signatures.endswith("\n") or _CONTROL.intersection(whole):
        raise NoteInvalidError("it is not a text, an empty line and signatures")
    return text + "\n", list(_signatures(signatures))


def _signatures(lines: str) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(lines[:-1].split("\n")):
        name, _, text = line.removeprefix(_DASH).partition(" ")
        try:
            raw = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            raw = b""
        if not line.startswith(_DASH) or not _is_name(name) or len(raw) < 5:
            raise NoteInvalidError(f"line {number + 1} behind the text is no signature")
        if number >= MOST_SIGNATURES:
            raise NoteInvalidError("it has too many signatures")
        yield name, raw


def _check(verifier: Verifier, signature: bytes, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(signature, text.encode())
    except InvalidSignature:
        raise NoteInvalidError(f"the signature of {verifier.name} is wrong") from None


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(char.isspace() for char in name)
