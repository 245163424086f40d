#!/usr/bin/env python3
"""Verifies an audit log of this content server, offline, for an auditor who trusts nobody.

    python3 verify_audit.py EXPORT.zip --key KEY.txt --checkpoint MY-OLDER-CHECKPOINT.txt
    python3 verify_audit.py /copy/of/the/ledger --key 'archive.example/node-1+1a2b3c4d+AbCd...'

It reads an export (a folder or a .zip) or a whole ledger (the folder copied from the node), writes
nothing, and asks nobody. It needs Python 3.11 and the package "cryptography". It shares no code with
the server and is one file on purpose, though a long one, longer than any other here: who audits can
read all of it, carry it away, and run it where nothing of the server is installed.

What is checked: the signature of the checkpoint with the keys that YOU give; that the records lead
to its root (RFC 9162, section 2.1); that your own older checkpoints, and those handed to others
("anchors"), are a beginning of the same log; for each writer that its records are numbered without
gaps and its hash chain holds; that each life of a writer continues the one before it; that each
request has its end; that what the records say of persons is what was committed to, or was removed.

Exit codes: 0 all of it holds. 1 the log was changed, or does not belong together: see the findings.
2 usage, or it could not be read. 3 it holds, but is signed by a key that you have not confirmed.
4 it holds, but something that you asked for could not be checked with what is there.

Order of this file: findings - keys and checkpoints - the tree - reading a ledger - reading an export -
the records for people - writers - the verification - anchors - the report - the command.
Formats: docs/format.md of the server, c2sp.org/signed-note, c2sp.org/tlog-checkpoint,
c2sp.org/tlog-tiles.
"""

import argparse
import base64
import bisect
import csv
import difflib
import email
import hashlib
import io
import json
import os
import re
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:  # pragma: no cover - shown by a test in a process of its own
    sys.exit(
        "verify_audit.py needs the Python package 'cryptography' to check signatures, and it is not"
        " installed here.\nInstall it with: python3 -m pip install cryptography"
    )

WIDTH = 256  # records of a bundle and hashes of a tile, C2SP tlog-tiles
SHOWN = 20  # findings of a kind that are printed; --json gives KEPT of them
KEPT = 1000
LONGEST_PRIVATE = 65_535  # bytes; the server writes none that are longer


DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError)  # fmt: skip
Progress = Callable[[int, int], None]
"""(leaves done, leaves in all)"""


class UnreadableError(Exception):
    """This is neither an export nor a ledger, or it is too damaged to be taken apart."""


# -- findings ------------------------------------------------------------------------------------------

BAD, UNCHECKED, NOTE = "bad", "unchecked", "note"

CODES: dict[str, tuple[str, str]] = {
    # Against the log. The first lines weigh most.
    "bad_signature": (BAD, "The checkpoint bears your key's name, and a signature that is false: it was altered or forged."),
    "another_key": (BAD, "The checkpoint was not signed by any key that you gave: another one signed it, or it is another log's."),
    "ledger_rewritten": (BAD, "The log was written anew: an older signed checkpoint names another history than this log has."),
    "cut_tail": (BAD, "The end of the log, or of a writer, was cut off: records that existed are gone."),
    "forked_tree": (BAD, "The hashes do not lead to the signed root: this is not the history that the checkpoint signs."),
    "edited": (BAD, "A record was edited: it is not the one that was signed."),
    "deleted": (BAD, "A record was deleted."),
    "inserted": (BAD, "A record was inserted: the signed log, or its writer's numbering, has no place for it."),
    "swapped": (BAD, "Records stand in each other's place, or in another order than they were written."),
    "missing_writer": (BAD, "All records of a writer are missing: another one names it, and nothing of it is here."),
    "chain_broken": (BAD, "A writer's hash chain does not lead to where others say that it does: one of its records was edited."),
    "private_changed": (BAD, "What a record says of persons was changed. The record itself is as signed; this part is not."),
    "missing_request": (BAD, "The end of a request is here, and the request itself is not."),
    "tile_changed": (BAD, "A stored hash of the tree is wrong. The records are not affected; proofs made from it would fail."),
    "readable_changed": (BAD, "The table for people says something else than the records: do not rely on it."),
    "file_changed": (BAD, "A file of the export is not the one that was exported."),
    "anchor_changed": (BAD, "An anchor does not agree with itself: its token or its numbers speak of another checkpoint."),
    # Asked for, and not to be had.
    "older_unchecked": (UNCHECKED, "Your older checkpoint could not be compared: ask for an export with --consistent-with its size, or for the ledger."),
    "anchor_unchecked": (UNCHECKED, "An anchor could not be compared with the tree: this export holds no hashes for its size."),
    # For your information.
    "declared_loss": (NOTE, "The operator declared that signed records were lost for good, and that the log goes on without them."),
    "unconfirmed_anchor": (NOTE, "An anchor's checkpoint is signed by a key that you did not give; its root was compared all the same."),
    "broken_off": (NOTE, "Requests without an end: the process died, or the connection, before it could be recorded."),
    "running": (NOTE, "Requests without an end so far: their writer was still at work when the checkpoint was made."),
    "redacted": (NOTE, "What these records said of persons was removed. The records themselves stand, and the proof holds."),
    "left_out": (NOTE, "This export was made without what the records say of persons."),
    "private_missing": (NOTE, "What these records said of persons is gone, and no redaction lists it: ask who took it out, and why."),
    "unconfirmed_end": (NOTE, "Writers still at work, or dead with no successor yet: for where they end only the checkpoint vouches."),
}  # fmt: skip


@dataclass
class Findings:
    """Everything noticed, by code: how often, and the first KEPT sentences."""

    counts: dict[str, int] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)

    def add(self, code: str, sentence: str, count: int = 1) -> None:
        self.counts[code] = self.counts.get(code, 0) + count
        sentences = self.said.setdefault(code, [])
        if len(sentences) < KEPT:
            sentences.append(sentence)

    def of(self, severity: str) -> list[str]:
        """Codes that were found, the heaviest first."""
        return [
            code for code, (kind, _) in CODES.items() if kind == severity and code in self.counts
        ]


# -- keys and checkpoints (C2SP signed-note, tlog-checkpoint) -----------------------------------------


class Key(NamedTuple):
    """A verify key, `<name>+<8 hex digits>+<base64 of 01 and the Ed25519 public key>`."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Raises ValueError."""
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
        except ValueError:
            raise ValueError(f"{text.strip()[:60]!r} is no key: <name>+<id>+<base64>") from None
        right = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
        if len(raw) != 33 or raw[0] != 1 or key_id != right.hex():
            raise ValueError(f"the key {name}+{key_id} is no Ed25519 key, or its id does not fit")
        return cls(name, right, raw[1:])

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}"


class Checkpoint(NamedTuple):
    """A signed tree head. `text` is what is signed, `signatures` are (name, key id, signature)."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, raw: bytes) -> "Checkpoint":
        """Raises ValueError."""
        text, found, below = raw.rpartition(b"\n\n")
        text += b"\n"
        lines = text.decode().split("\n")
        if not found or len(lines) < 4 or any(byte < 32 and byte != 10 for byte in raw):
            raise ValueError("this is no checkpoint: origin, size, root, an empty line, signatures")
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]) or not all(lines[:-1]):
            raise ValueError("the checkpoint names no size")
        root = base64.b64decode(lines[2], validate=True)
        if len(root) != 32 or base64.b64encode(root).decode() != lines[2]:
            raise ValueError("the checkpoint names no root hash")
        signatures = [
            re.fullmatch("\u2014 ([^ +]+) (\\S+)", line) for line in below.decode().splitlines()
        ]
        if not all(signatures) or not below.endswith(b"\n"):
            raise ValueError("a line of the checkpoint's signatures cannot be read")
        signed = [(m[1], base64.b64decode(m[2], validate=True)) for m in signatures if m]
        return cls(lines[0], int(lines[1]), root, text, tuple((n, s[:4], s[4:]) for n, s in signed))

    def signer(self, keys: Iterable[Key]) -> Key | None:
        """The first of these keys that signed it; None if none did. Raises ValueError when one is
        named and its signature is false."""
        for name, key_id, signature in self.signatures:
            for key in keys:
                if (key.name, key.id) == (name, key_id) and key.name == self.origin:
                    try:
                        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, self.text)
                    except InvalidSignature:
                        raise ValueError(f"the signature by {key} is false") from None
                    return key
        return None

    @property
    def signers(self) -> str:
        return (
            ", ".join(f"{name}+{key_id.hex()}" for name, key_id, _ in self.signatures) or "nobody"
        )


def read_keys(given: Iterable[str]) -> list[Key]:
    """Keys from their texts or from files that hold one on each line, alone or as the operator's
    `show_verify_keys` prints it, after the key's id. Raises ValueError, OSError."""
    keys = []
    for text in given:
        keys += _keys(Path(text).read_text() if os.path.exists(text) else text)
    return keys


KEYS_WARNING = "# What the log says of itself. Trust a key only if you got it by another way too."


def _keys(text: str) -> list[Key]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [Key.parse(line.split()[-1]) for line in lines]  # a key's name holds no space


NOTE_IN_TEXT = re.compile("[^\n]+\n[0-9]+\n[^\n]{44}\n(?:[^\n]+\n)*\n(?:\u2014 [^\n]+\n)+")


def read_checkpoint(raw: bytes) -> Checkpoint:
    """A checkpoint as it was kept: its text, a mail that brought it, or an anchor's JSON file.

    Raises ValueError.
    """
    if raw.lstrip().startswith(b"{"):
        return Checkpoint.parse(json.loads(raw)["checkpoint"].encode())
    if re.match(rb"(?i)(From |[a-z-]+: )", raw):
        for part in email.message_from_bytes(raw).walk():
            content = part.get_payload(decode=True)
            text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
            if found := NOTE_IN_TEXT.search(text.replace("\r\n", "\n")):
                return Checkpoint.parse(found[0].encode())
        raise ValueError("this mail holds no checkpoint")
    return Checkpoint.parse(raw.replace(b"\r\n", b"\n"))


# -- the tree (RFC 9162, section 2.1) ------------------------------------------------------------------


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def leaf_hash(body: bytes) -> bytes:
    return hashlib.sha256(b"\0" + body).digest()


class Tree:
    """Grows to the right; keeps the roots of the complete subtrees only, at most 63 hashes."""

    def __init__(self, size: int = 0, peaks: Iterable[tuple[int, bytes]] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def append(self, node: bytes, level: int = 0) -> None:
        """A complete subtree of 2**level leaves. Raises UnreadableError where none can begin."""
        if self.size % (1 << level):
            raise UnreadableError(f"a hash of {1 << level} leaves cannot begin at leaf {self.size}")
        self.size += 1 << level
        while self.peaks and self.peaks[-1][0] == level:
            node, level = _node(self.peaks.pop()[1], node), level + 1
        self.peaks.append((level, node))

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        node = self.peaks[-1][1]
        for _level, left in reversed(self.peaks[:-1]):
            node = _node(left, node)
        return node

    def copy(self) -> "Tree":
        return Tree(self.size, self.peaks)


def subtree(hashes: Sequence[bytes]) -> bytes:
    """The root above 2**k hashes."""
    while len(hashes) > 1:
        hashes = [_node(a, b) for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


# -- what is read: pieces of the tree from left to right -----------------------------------------------


class Entry(NamedTuple):
    """A record: the exact bytes of its body, and of the private part (b"" where there is none)."""

    body: bytes
    private: bytes


@dataclass
class Piece:
    """Leaves `first` and following: their records, and their hashes as the tree's files give them;
    or the root of a subtree whose records are not here (`level` above 0, or no entry)."""

    first: int
    entries: list[Entry]
    hashes: list[bytes] | None
    level: int | None = None


class Source(Protocol):
    """`kind` is ledger, all, period or selection; a ledger has `size` leaves under its mark."""

    kind: str
    checkpoint: Checkpoint

    def pieces(self, start: int, findings: Findings, /) -> Iterator[Piece]: ...
    def anchors(self) -> Iterator[tuple[str, bytes]]: ...


def tile_path(number: int) -> str:
    """1234067 is x001/x234/067."""
    digits = str(number).zfill(-(-len(str(number)) // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


def unpack(raw: bytes, length: str) -> list[bytes]:
    """Entries behind their lengths; what is left of a torn one is given too. Never raises."""
    prefix, found, place = struct.Struct(length), [], 0
    while place + prefix.size <= len(raw):
        end = place + prefix.size + prefix.unpack_from(raw, place)[0]
        found.append(raw[place + prefix.size : end])
        place = end
    return found


class Ledger:
    """A ledger's folder: tile/entries, private/entries, tile/0, tile/1, ..., checkpoint."""

    kind = "ledger"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.checkpoint = Checkpoint.parse((folder / "checkpoint").read_bytes())
        except FileNotFoundError:
            raise UnreadableError(f"{folder} holds no checkpoint: nothing is signed yet") from None
        except ValueError as error:
            raise UnreadableError(f"{folder / 'checkpoint'}: {error}") from None
        self._upper: tuple[int, bytes | None] = (-1, None)

    def file(self, kind: str, number: int, width: int) -> bytes | None:
        """A bundle or tile that holds `width` entries or more: a partial one, or the full one."""
        path = self.folder / kind / tile_path(number)
        partial = Path(f"{path}.p")
        for _attempt in range(3):  # of a living ledger: a partial one may be replaced meanwhile
            for candidate in (partial / str(width), path):
                with suppress(FileNotFoundError, NotADirectoryError):
                    return candidate.read_bytes()
            with suppress(FileNotFoundError, NotADirectoryError):
                widths = sorted(int(name) for name in os.listdir(partial) if name.isdecimal())
                if widths:
                    best = next((found for found in widths if found >= width), widths[-1])
                    return (partial / str(best)).read_bytes()
        return None

    def pieces(self, start: int, _findings: Findings) -> Iterator[Piece]:
        size = self.checkpoint.size
        for number in range(start // WIDTH, -(-size // WIDTH)):
            first = number * WIDTH
            width, skip = min(WIDTH, size - first), max(0, start - first)
            raw, private = (
                self.file(f"{kind}/entries", number, width) for kind in ("tile", "private")
            )
            bodies = unpack(raw or b"", ">H")
            bodies = bodies if width == WIDTH else bodies[:width]  # a partial one may hold more
            privates = unpack(private or b"", ">I")[: len(bodies)]
            privates += [b""] * (len(bodies) - len(privates))
            tile = self.file("tile/0", number, width)
            hashes = None if tile is None or len(tile) < width * 32 else _split(tile)[skip:width]
            entries = [Entry(*both) for both in zip(bodies, privates, strict=True)][skip:]
            yield Piece(first + skip, entries, hashes)

    def check_upper(self, number: int, node: bytes, findings: Findings) -> None:
        """The root above the full tile `number` of level 0, against level 1."""
        if self._upper[0] != number // WIDTH:
            size = self.checkpoint.size // WIDTH - number // WIDTH * WIDTH
            self._upper = number // WIDTH, self.file("tile/1", number // WIDTH, min(WIDTH, size))
        tile, place = self._upper[1], number % WIDTH * 32
        if tile is None or tile[place : place + 32] != node:
            findings.add(
                "tile_changed", f"tile/1/{tile_path(number // WIDTH)}, hash {number % WIDTH}"
            )

    def check_levels(self, findings: Findings) -> None:
        """Levels 2 and above, each against the one below."""
        count, level = self.checkpoint.size // WIDTH // WIDTH, 2
        while count:
            for number in range(count):
                above = self.file(
                    f"tile/{level}", number // WIDTH, min(WIDTH, count - number // WIDTH * WIDTH)
                )
                below, place = self.file(f"tile/{level - 1}", number, WIDTH), number % WIDTH * 32
                if above is None or below is None or len(below) < WIDTH * 32:
                    findings.add(
                        "tile_changed",
                        f"tile/{level}/{tile_path(number // WIDTH)} or what is below it is missing",
                    )
                elif above[place : place + 32] != subtree(_split(below)):
                    findings.add(
                        "tile_changed",
                        f"tile/{level}/{tile_path(number // WIDTH)}, hash {number % WIDTH}",
                    )
            count, level = count // WIDTH, level + 1

    def anchors(self) -> Iterator[tuple[str, bytes]]:
        for path in sorted(self.folder.glob("anchors/*.json")):
            yield path.name, path.read_bytes()

    def redacted(self) -> list[tuple[int, int]]:
        """(first, last) of each stretch of leaves that a redaction lists, joined, in order."""
        listed: list[tuple[int, int]] = []
        for path in self.folder.glob("redacted/*.json"):
            try:
                listed += [(int(a), int(b)) for a, b in json.loads(path.read_bytes())["leaves"]]
            except (ValueError, KeyError, TypeError) as error:
                raise UnreadableError(f"{path} is damaged: {error!r}") from None
        joined: list[tuple[int, int]] = []
        for first, last in sorted(listed):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = joined[-1][0], max(last, joined[-1][1])
            else:
                joined.append((first, last))
        return joined

    def note_losses(self, findings: Findings) -> None:
        """What the operator declared in forks/*.json; an older checkpoint tells whether it fits."""
        for path in sorted(self.folder.glob("forks/*.json")):
            said = fields_of(path.read_bytes())
            signed, kept = (
                fields_of(json.dumps(said.get(name)).encode()) for name in ("signed", "kept")
            )
            sizes = f"{signed.get('size')} records were signed, {kept.get('size')} kept"
            findings.add(
                "declared_loss",
                f"{said.get('at')}, {said.get('actor')}: {sizes}: {said.get('reason')}",
            )

    def ends(self) -> Iterator[tuple[str, int, bytes]]:
        """(writer, next number, chain) as the ledger noted them, if these notes are not newer than
        the checkpoint."""
        try:
            notes = []
            with suppress(FileNotFoundError):
                notes.append(json.loads((self.folder / "ended").read_bytes()))
            mark = json.loads((self.folder / "mark").read_bytes())  # behind the other: never older
            notes.append(mark)
            if mark["leaves"] <= self.checkpoint.size:
                for note in notes:
                    for writer, end in note["writers"].items():
                        yield writer, end["n"], bytes.fromhex(end["chain"])
        except FileNotFoundError:
            return
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableError(
                f"{self.folder / 'mark'} or 'ended' is damaged: {error}"
            ) from None


def _split(tile: bytes) -> list[bytes]:
    return [tile[i : i + 32] for i in range(0, len(tile), 32)]


class Export:
    """An export: export.json, checkpoint, hashes.txt, leaves.bin, records.jsonl or .csv, anchors/,
    keys.txt, SHA256SUMS. The sums find accidents; against intent stands the signed root alone."""

    HEAD = struct.Struct(">QH")

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path) if path.is_file() else None
        self._folder = path
        try:
            self.facts = json.loads(self.read("export.json"))
            self.kind = str(self.facts["kind"])
            self.first, self.end = int(self.facts["first"]), int(self.facts["end"])
            self.records, self.table = int(self.facts["records"]), str(self.facts["table"])
            self.private_left_out = self.facts["private"] == "left out"
            self.checkpoint = Checkpoint.parse(self.read("checkpoint"))
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableError(f"{path} is no export, or damaged: {error!r}") from None

    def names(self) -> list[str]:
        if self._zip is not None:
            return self._zip.namelist()
        found = [p.relative_to(self._folder) for p in self._folder.rglob("*") if not p.is_dir()]
        return sorted(str(name) for name in found)

    def open(self, name: str) -> IO[bytes]:
        """Raises UnreadableError."""
        try:
            return self._zip.open(name) if self._zip else open(self._folder / name, "rb")
        except (KeyError, FileNotFoundError):
            raise UnreadableError(f"the export holds no {name}") from None

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def check_sums(self, findings: Findings) -> None:
        """Each file against SHA256SUMS, the format of sha256sum."""
        listed = {}
        for line in self.read("SHA256SUMS").decode("utf-8", "replace").split("\n")[:-1]:
            found = re.fullmatch("([0-9a-f]{64})  (\\S+)", line)
            if found is None:
                findings.add("file_changed", "SHA256SUMS has a line that cannot be read")
            else:
                listed[found[2]] = found[1]
        names = self.names()
        for name in sorted({*names, *listed} - {"SHA256SUMS"}):
            if name not in names or name not in listed or names.count(name) > 1:
                findings.add("file_changed", f"{name} is not listed once and there once")
                continue
            with self.open(name) as file:
                digest = hashlib.sha256()
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
                if digest.hexdigest() != listed[name]:
                    findings.add("file_changed", f"{name} is not the file that was exported")
        if names.count("SHA256SUMS") != 1 or not listed:
            findings.add("file_changed", "SHA256SUMS is empty or there twice")

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """The records in leaves.bin. Raises UnreadableError."""
        with self.open("leaves.bin") as file:
            read = file.read
            while head := read(self.HEAD.size):
                if len(head) < self.HEAD.size:
                    raise UnreadableError("leaves.bin ends within a record")
                index, length = self.HEAD.unpack(head)
                body, size = read(length), int.from_bytes(read(4), "big")
                private = read(size) if size <= LONGEST_PRIVATE else b""
                if len(body) < length or len(private) < size:
                    raise UnreadableError("leaves.bin ends within a record")
                yield index, Entry(body, private)

    def pieces(self, _start: int, findings: Findings) -> Iterator[Piece]:
        """What hashes.txt lists, each leaf with its record."""
        entries, table = self.entries(), Table(self, findings)
        waiting, count = next(entries, None), 0
        expected = self.first if self.kind != "selection" else None
        for first, level, node in self._listed():
            if level is not None:
                yield Piece(first, [], [node], level)
                continue
            while waiting is not None and waiting[0] < first:
                findings.add(
                    "inserted", f"leaf {waiting[0]} of leaves.bin is not in the list of hashes"
                )
                waiting = next(entries, None)
            if expected is not None:
                expected = _contiguous(expected, first, findings)
            if waiting is None or waiting[0] != first:
                findings.add("deleted", f"leaf {first}: its hash is there, the record is not")
                yield Piece(first, [], [node], 0)
                continue
            table.check(first, waiting[1])
            yield Piece(first, [waiting[1]], [node])
            waiting, count = next(entries, None), count + 1
        while waiting is not None:
            findings.add(
                "inserted", f"leaf {waiting[0]} of leaves.bin is not in the list of hashes"
            )
            waiting = next(entries, None)
        if expected is not None:
            _contiguous(expected, self.end, findings)
        table.finish()
        if count != self.records:
            findings.add(
                "deleted" if count < self.records else "inserted",
                f"{count} records, export.json says {self.records}",
            )

    def _listed(self) -> Iterator[tuple[int, int | None, bytes]]:
        with self.open("hashes.txt") as file:
            for number, line in enumerate(file, 1):
                found = re.fullmatch(
                    rb"(?:leaf (\d{1,18})|tree (\d{1,18}) (\d{1,2})) ([0-9a-f]{64})\n", line
                )
                if found is None:
                    raise UnreadableError(f"line {number} of hashes.txt cannot be read")
                level = None if found[3] is None else int(found[3])
                yield int(found[1] or found[2] or 0), level, bytes.fromhex(found[4].decode())

    def anchors(self) -> Iterator[tuple[str, bytes]]:
        for name in self.names():
            if name.startswith("anchors/") and name.endswith(".json"):
                yield name.removeprefix("anchors/"), self.read(name)


def _contiguous(expected: int, found: int, findings: Findings) -> int:
    if found > expected:
        findings.add(
            "deleted", f"leaves {expected} to {found - 1} were left out of a period without gaps"
        )
    return found + 1


# -- the records for people: records.jsonl and records.csv --------------------------------------------

COLUMNS = (  # noqa: SIM905 - thirty names read better so
    "leaf at kind writer n ref ref_writer id plane method action decision reason rule client credential"
    " end_user_known collection address version resource status outcome bytes microseconds private"
    " key end_user network user_agent filename path more"
).split()
PRIVATE_STATES = ("none", "here", "not here")
CSV_HEAD = ",".join(COLUMNS) + "\r\n"


_decode = json.JSONDecoder().decode  # json.loads would guess the encoding of each record


def fields_of(body: bytes) -> dict[str, Any]:
    """The members of a body or a private part; {} for anything that is no JSON object."""
    try:
        fields = _decode(body.decode())
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def readable(entry: Entry) -> tuple[dict[str, Any], dict[str, Any], str]:
    """(record, private part without its salt, one of PRIVATE_STATES)."""
    record, private = fields_of(entry.body), fields_of(entry.private)
    state = "here" if entry.private else "not here" if "private" in record else "none"
    return record, {name: value for name, value in private.items() if name != "salt"}, state


def jsonl_line(leaf: int, entry: Entry) -> str:
    """A line of records.jsonl."""
    record, private, state = readable(entry)
    line = {"leaf": leaf, "record": record, "private_part": state, "private": private}
    return json.dumps(line, sort_keys=True) + "\n"


def csv_line(leaf: int, entry: Entry) -> str:
    """A line of records.csv (RFC 4180). No cell begins as a formula of a spreadsheet does: such a
    text gets an apostrophe in front."""
    record, private, state = readable(entry)
    known = {**record, **private, "leaf": leaf, "private": state}
    more = {k: v for k, v in {**record, **private}.items() if k not in COLUMNS and k != "group"}
    known["more"] = json.dumps(more, sort_keys=True) if more else ""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(known.get(name)) for name in COLUMNS])
    return line.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    text = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\ufffd")
    return (
        f"'{text}"
        if text.lstrip(" \n").startswith(("=", "+", "-", "@", "\t", "\r", "|", "%"))
        else text
    )


class Table:
    """records.jsonl or records.csv of an export, made again from the records and compared."""

    def __init__(self, export: Export, findings: Findings) -> None:
        self._line = csv_line if export.table == "csv" else jsonl_line
        self._name = "records.csv" if export.table == "csv" else "records.jsonl"
        self._file, self._findings = export.open(self._name), findings
        self._good = True
        if export.table == "csv":
            self._compare(CSV_HEAD, "its head")

    def check(self, leaf: int, entry: Entry) -> None:
        if self._good:  # behind the first difference the lines no longer stand side by side
            self._compare(self._line(leaf, entry), f"leaf {leaf}")

    def finish(self) -> None:
        if self._good and self._file.read(1):
            self._findings.add("readable_changed", f"{self._name} goes on behind the last record")
        self._file.close()

    def _compare(self, line: str, what: str) -> None:
        raw = line.encode()
        if self._file.read(len(raw)) != raw:
            self._findings.add("readable_changed", f"{self._name} differs at {what}")
            self._good = False


# -- writers: numbers, chains, lives, requests ---------------------------------------------------------


class Life:
    """One writer as far as it was read: the next number, the chain so far (None: not known)."""

    __slots__ = ("chain", "closed", "confirmed", "gaps", "next_n", "promised")

    def __init__(self, next_n: int = 0, chain: bytes | None = None) -> None:
        self.next_n, self.chain = next_n, chain
        self.closed = self.confirmed = False
        self.gaps: list[tuple[int, int]] = []
        self.promised: dict[int, tuple[bytes, str]] = {}  # n -> chain that a later life names


class Writers:
    """Follows every writer through a stretch of leaves without gaps."""

    REMEMBERED = 16  # lives of a slot whose end is confirmed; older ones can be named by nobody

    def __init__(self, findings: Findings, *, whole: bool) -> None:
        self._findings, self._whole = findings, whole
        self.lives: dict[str, Life] = {}
        self.open: dict[tuple[str, int], int] = {}  # requests without an end: their leaf
        self._early: dict[tuple[str, int], int] = {}  # ends that came before their request
        self._repeated: set[tuple[str, int]] = set()
        self._slots: dict[str, list[str]] = {}
        self.pairs = 0

    def see(self, leaf: int, body: bytes, node: bytes) -> dict[str, Any]:
        """The next record; returns its members."""
        fields = fields_of(body)
        writer, n, kind = fields.get("writer"), fields.get("n"), fields.get("kind")
        if not isinstance(writer, str) or type(n) is not int:
            self._findings.add("inserted", f"leaf {leaf} is no record of a writer")
            return fields
        life = self.lives.get(writer)
        if life is None:
            life = self.lives[writer] = self._begin(writer, n)
        if n != life.next_n:
            self._out_of_order(leaf, writer, life, n)
        else:
            life.next_n = n + 1
            if life.chain is not None:
                life.chain = hashlib.sha256(b"skold/audit/chain/v1\0" + life.chain + node).digest()
            if life.promised and n in life.promised:
                self._confirm(writer, life, n, *life.promised.pop(n))
        if kind == "req":
            self._request(writer, n, leaf, fields)
        elif kind == "done":
            self._done(writer, leaf, fields)
        elif kind == "open":
            self._opening(leaf, fields)
        elif kind == "close":
            life.closed = True
        return fields

    def _begin(self, writer: str, n: int) -> Life:
        if n and not self._whole:
            return Life(n)  # its beginning lies before what is here
        return Life(0, hashlib.sha256(b"skold/audit/genesis/v1\0" + writer.encode()).digest())

    def _out_of_order(self, leaf: int, writer: str, life: Life, n: int) -> None:
        life.chain = None
        if n > life.next_n:
            life.gaps.append((life.next_n, n))
            life.next_n = n + 1
            return
        for place, (low, high) in enumerate(life.gaps):
            if low <= n < high:
                self._findings.add(
                    "swapped", f"leaf {leaf}: record {n} of {writer} comes behind a later one"
                )
                life.gaps[place : place + 1] = [g for g in ((low, n), (n + 1, high)) if g[0] < g[1]]
                return
        self._findings.add(
            "inserted", f"leaf {leaf}: number {n} of {writer} is there a second time"
        )

    def _request(self, writer: str, n: int, leaf: int, fields: dict[str, Any]) -> None:
        self._again(fields)
        if (writer, n) in self._repeated:
            self._repeated.discard((writer, n))
        elif self._early.pop((writer, n), None) is None:
            self.open[writer, n] = leaf
        else:
            self.pairs += 1

    def _done(self, writer: str, leaf: int, fields: dict[str, Any]) -> None:
        place = str(fields.get("ref_writer", writer)), int(fields.get("ref") or 0)
        if self.open.pop(place, None) is not None:
            self.pairs += 1
        elif "again" not in fields:  # a repeated end may be the second one
            life = self.lives.get(place[0])
            if self._whole or (life is not None and life.chain is not None):
                self._early[place] = leaf

    def _again(self, fields: dict[str, Any]) -> None:
        """A failed life's request, repeated by the next: its end names the repetition."""
        if "again" in fields:
            writer, _slash, n = str(fields["again"]).rpartition("/")
            if n.isdecimal() and self.open.pop((writer, int(n)), None) is None:
                self._repeated.add((writer, int(n)))

    def _opening(self, leaf: int, fields: dict[str, Any]) -> None:
        for name in ("previous", "after"):
            before, n, chain = (fields.get(name + end) for end in ("", "_n", "_chain"))
            if before is None:
                continue
            life = self.lives.get(before)
            if life is None and self._whole:
                life = self.lives[before] = self._begin(before, 0)
            if life is None:
                continue
            if not isinstance(n, int) or not isinstance(chain, str):
                self._findings.add("edited", f"leaf {leaf}: an opening that names no tail")
            elif (
                life.next_n <= n
            ):  # the rest of it may still come: writers are numbered side by side
                life.promised[n] = bytes.fromhex(chain), f"leaf {leaf}"
            else:
                self._compare(before, life, n, chain, leaf, last=name == "previous")

    def _compare(
        self, writer: str, life: Life, n: int, chain: str, leaf: int, *, last: bool
    ) -> None:
        if n == life.next_n - 1:
            self._confirm(writer, life, n, bytes.fromhex(chain), f"leaf {leaf}")
        elif last:
            self._findings.add(
                "inserted",
                f"{writer} goes on to record {life.next_n - 1}; its successor (leaf {leaf}) knew {n} as the last",
            )

    def _confirm(self, writer: str, life: Life, n: int, chain: bytes, where: str) -> None:
        if life.chain is not None and life.chain != chain:
            self._findings.add(
                "chain_broken", f"{writer}, records 0 to {n}: {where} names another chain"
            )
        life.confirmed = True
        slot = self._slots.setdefault(_slot(writer), [])
        if writer not in slot:
            slot.append(writer)
        while len(slot) > self.REMEMBERED and not self.lives[slot[0]].gaps:
            self.lives.pop(slot.pop(0))

    def finish(self, ends: Iterable[tuple[str, int, bytes]]) -> None:
        """Judge what is open at the end; `ends` is what the ledger noted of each writer."""
        noted = {writer: (n, chain) for writer, n, chain in ends}
        for writer, (n, chain) in noted.items():
            self._end(writer, n, chain)
        for writer, life in self.lives.items():
            for n, (_chain, where) in life.promised.items():
                code = "cut_tail" if life.next_n else "missing_writer"
                seen = (
                    f"its records end at {life.next_n - 1}"
                    if life.next_n
                    else "nothing of it is here"
                )
                self._findings.add(code, f"{writer}: {where} names its record {n}; {seen}")
            for low, high in life.gaps:
                self._findings.add(
                    "deleted", f"{writer}: records {low} to {high - 1} are missing", high - low
                )
            if life.next_n and not (life.closed or life.confirmed or writer in noted):
                self._findings.add("unconfirmed_end", f"{writer}: record {life.next_n - 1}")
        for (writer, n), leaf in self._early.items():
            self._findings.add("missing_request", f"leaf {leaf} ends request {n} of {writer}")
        for (writer, n), leaf in self.open.items():
            self._findings.add(
                "broken_off" if self._is_over(writer) else "running",
                f"leaf {leaf}: request {n} of {writer}",
            )

    def _end(self, writer: str, n: int, chain: bytes) -> None:
        life = self.lives.get(writer)
        if life is None:
            if n and self._whole and not self._forgotten(writer):
                self._findings.add(
                    "missing_writer",
                    f"{writer}: the ledger noted {n} records of it; nothing of it is here",
                )
        elif life.next_n < n:
            self._findings.add(
                "cut_tail", f"{writer}: the ledger noted {n} records, {life.next_n} are here"
            )
        elif life.next_n > n:
            self._findings.add(
                "inserted", f"{writer}: the ledger noted {n} records, {life.next_n} are here"
            )
        elif life.chain is not None and life.chain != chain:
            self._findings.add(
                "chain_broken", f"{writer}, records 0 to {n - 1}: the ledger noted another chain"
            )

    def _forgotten(self, writer: str) -> bool:
        """Whether it may be one of those confirmed lives that are not remembered any more."""
        return len(self._slots.get(_slot(writer), ())) >= self.REMEMBERED

    def _is_over(self, writer: str) -> bool:
        life = self.lives.get(writer)
        return life is None or life.closed or life.confirmed

    def state(self) -> dict[str, Any]:
        """All of it as JSON, for a later verification to go on from. Only without findings."""
        lives = {
            name: [
                life.next_n,
                life.chain and life.chain.hex(),
                life.closed,
                life.confirmed,
                life.gaps,
            ]
            for name, life in self.lives.items()
        }
        promised = [
            [w, n, c.hex(), where]
            for w, life in self.lives.items()
            for n, (c, where) in life.promised.items()
        ]
        places = {"open": self.open, "early": self._early}
        return {
            "lives": lives,
            "promised": promised,
            "slots": self._slots,
            "repeated": sorted(self._repeated),
            **{
                name: [[*place, leaf] for place, leaf in held.items()]
                for name, held in places.items()
            },
        }

    def resume(self, state: dict[str, Any]) -> None:
        for name, (next_n, chain, closed, confirmed, gaps) in state["lives"].items():
            life = self.lives[name] = Life(next_n, chain and bytes.fromhex(chain))
            life.closed, life.confirmed = closed, confirmed
            life.gaps = [(low, high) for low, high in gaps]
        for writer, n, chain, where in state["promised"]:
            self.lives[writer].promised[n] = bytes.fromhex(chain), where
        self._slots = {slot: list(names) for slot, names in state["slots"].items()}
        self._repeated = {(writer, n) for writer, n in state["repeated"]}
        self.open = {(writer, n): leaf for writer, n, leaf in state["open"]}
        self._early = {(writer, n): leaf for writer, n, leaf in state["early"]}


def _slot(writer: str) -> str:
    """`<node>.<epoch>.<slot>` of `<node>.<epoch>.<slot>.<start>`."""
    return writer.rpartition(".")[0]


# -- the verification ----------------------------------------------------------------------------------


class Older(NamedTuple):
    """A checkpoint to compare with: the auditor's own, or an anchor's."""

    label: str
    checkpoint: Checkpoint
    own: bool


@dataclass
class Difference:
    """Where the records of a piece do not have the hashes that the tree's files give."""

    first: int
    want: list[bytes]
    got: list[bytes]


@dataclass
class Report:
    """What was found. `facts` are numbers and names for people and programs."""

    findings: Findings
    facts: dict[str, Any]
    key: Key | None
    confirmed: bool
    anchors: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, Any] | None = None  # to go on from, of a ledger without findings
    stopped: bool = False  # before the end: nothing is said of the rest, nor of the root
    lives: dict[str, Life] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        if self.findings.of(BAD):
            return 1
        if not self.confirmed:
            return 3
        return 4 if self.findings.of(UNCHECKED) else 0


class Verification:
    """One pass over a source. Memory: a Life for each writer of the last 16 in each slot, and the
    requests without an end."""

    DIFFERENCES = 2000  # pieces that are told in detail

    def __init__(
        self,
        source: Source,
        keys: Sequence[Key],
        older: Iterable[Older] = (),
        *,
        state: dict[str, Any] | None = None,
        progress: Progress = lambda _done, _total: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """`state` is that of an earlier report of the same ledger; without its writers their
        numbers and chains begin where it ends. `stop` ends it early, at a place to go on from.
        """
        self._source, self._keys, self._progress, self._stop = source, keys, progress, stop
        self.findings = Findings()
        self.report = Report(self.findings, {}, None, confirmed=False)
        self._older = [*older, *self._read_anchors()]
        start = state["size"] if state else 0
        peaks = [(level, bytes.fromhex(node)) for level, node in state["peaks"]] if state else []
        self._tree = Tree(start, peaks)  # by the hashes that the tree's files give
        self._own: Tree | None = self._tree  # by the records themselves; the same until they differ
        self._start = start
        known = state["writers"] if state else None
        whole = source.kind in ("ledger", "all") and (not state or known is not None)
        self._writers = Writers(self.findings, whole=whole)
        if known is not None:
            self._writers.resume(known)
        self._wanted = sorted(
            {o.checkpoint.size for o in self._older} | {0, source.checkpoint.size}
        )
        self._roots: dict[int, bytes] = {}  # by the stored hashes
        self._own_roots: dict[int, bytes] = {}  # by the records themselves, as long as they fit
        self._redacted = source.redacted() if isinstance(source, Ledger) else []
        self._differences: list[Difference] = []
        self._records, self._differing = 0, 0
        self._times: list[str] = []

    def run(self) -> Report:
        """Raises UnreadableError, OSError."""
        began, source = time.monotonic(), self._source
        self._check_signature()
        if isinstance(source, Export):
            source.check_sums(self.findings)
        self._note_root(self._tree)
        for piece in source.pieces(self._start, self.findings):
            self._take(piece)
            self._progress(self._tree.size, source.checkpoint.size)
            if self._stop() and not self._differing and not self.findings.of(BAD):
                self.report.stopped = self._tree.size < source.checkpoint.size
                break
        if self.report.stopped:
            self._gather(time.monotonic() - began)
            return self.report
        self._judge_tree()
        self._judge_older()
        if isinstance(source, Ledger):
            source.check_levels(self.findings)
            source.note_losses(self.findings)
        if source.kind != "selection":
            self._writers.finish(source.ends() if isinstance(source, Ledger) else ())
        self._gather(time.monotonic() - began)
        return self.report

    # -- piece by piece --

    def _take(self, piece: Piece) -> None:
        if piece.level is not None:
            node = (piece.hashes or [b""])[0]
            self._grow([node], piece.level, None)
            return
        got = [leaf_hash(entry.body) for entry in piece.entries]
        want = piece.hashes
        if want is None:
            self.findings.add(
                "tile_changed", f"tile/0/{tile_path(piece.first // WIDTH)} is missing"
            )
            want = got
        if got != want:
            self._differing += 1
            if len(self._differences) < self.DIFFERENCES:
                self._differences.append(Difference(piece.first, want, got))
        self._grow(want, 0, got)
        self._see(piece, got)

    def _grow(self, want: list[bytes], level: int, got: list[bytes] | None) -> None:
        if self._own is self._tree and got is not None and got != want:
            self._own = self._tree.copy()
        if self._own is not None and self._own is not self._tree:
            if got is not None and len(got) != len(want):
                self._own = None  # the records cannot be the tree's: there are more or fewer
            else:
                self._append(self._own, want if got is None else got, level)
        self._append(self._tree, want, level, note=True)

    def _append(self, tree: Tree, hashes: list[bytes], level: int, *, note: bool = False) -> None:
        end = tree.size + (len(hashes) << level)
        at = bisect.bisect_right(self._wanted, tree.size)
        between = at < len(self._wanted) and self._wanted[at] < end
        if len(hashes) == WIDTH and tree.size % WIDTH == 0 and not between:
            above = subtree(hashes)
            if isinstance(self._source, Ledger) and note:
                self._source.check_upper(tree.size // WIDTH, above, self.findings)
            hashes, level = [above], level + 8
        for node in hashes:
            tree.append(node, level)
            if between:
                self._note_root(tree)
        self._note_root(tree)

    def _note_root(self, tree: Tree) -> None:
        at = bisect.bisect_left(self._wanted, tree.size)
        if at == len(self._wanted) or self._wanted[at] != tree.size:
            return
        if tree is self._tree:
            self._roots[tree.size] = tree.root()
        if tree is self._own:
            self._own_roots[tree.size] = tree.root()

    def _see(self, piece: Piece, hashes: list[bytes]) -> None:
        findings, follow = self.findings, self._source.kind != "selection"
        fields: dict[str, Any] = {}
        for leaf, (entry, node) in enumerate(zip(piece.entries, hashes, strict=True), piece.first):
            fields = self._writers.see(leaf, entry.body, node) if follow else fields_of(entry.body)
            if not self._times:
                self._times = [str(fields.get("at"))] * 2
            committed = fields.get("private")
            if entry.private:
                if hashlib.sha256(entry.private).hexdigest() != committed:
                    findings.add("private_changed", f"leaf {leaf}")
            elif committed is not None:
                findings.add(self._why_absent(leaf), f"leaf {leaf}")
        if piece.entries:
            self._times[1] = str(fields.get("at"))
            self._records += len(piece.entries)

    def _why_absent(self, leaf: int) -> str:
        """The code for a private part that is not here. An export brings no list of redactions."""
        if isinstance(self._source, Export):
            return "left_out" if self._source.private_left_out else "redacted"
        at = bisect.bisect_right(self._redacted, (leaf, 1 << 62)) - 1
        listed = at >= 0 and leaf <= self._redacted[at][1]
        return "redacted" if listed else "private_missing"

    # -- judgements --

    def _check_signature(self) -> None:
        source, given = self._source, list(self._keys)
        keys = given
        if not given and isinstance(source, Export):
            with suppress(UnreadableError, ValueError, OSError):
                keys = _keys(source.read("keys.txt").decode())
        try:
            self.report.key = source.checkpoint.signer(keys)
        except ValueError as error:
            self.findings.add(
                "bad_signature", f"{error}; the checkpoint is of {source.checkpoint.size} records"
            )
            return
        self.report.confirmed = bool(given) and self.report.key is not None
        if given and self.report.key is None:
            names = ", ".join(map(str, given))
            self.findings.add(
                "another_key",
                f"{source.checkpoint.origin}, signed by {source.checkpoint.signers}; you gave {names}",
            )

    def _judge_tree(self) -> None:
        signed = self._source.checkpoint
        by_files = self._roots.get(signed.size) or self._tree.root()
        by_records = self._own_roots.get(signed.size)
        complete = self._tree.size == signed.size
        if complete and by_records == signed.root != by_files:
            for found in self._differences:
                self.findings.add(
                    "tile_changed",
                    f"hashes of leaves {found.first} to {found.first + len(found.want) - 1}",
                )
            self._roots = self._own_roots
            return
        if self._start > signed.size:
            said = f"{self._start} records were verified before, {signed.size} are signed now"
            self.findings.add("cut_tail", said)
        elif self._tree.size < signed.size:
            self.findings.add(
                "cut_tail",
                f"{signed.size} records are signed, {self._tree.size} are here",
                signed.size - self._tree.size,
            )
        elif not complete or by_files != signed.root:
            said = f"root of the {self._tree.size} leaves: {by_files.hex()}, signed for {signed.size}: {signed.root.hex()}"
            self.findings.add("forked_tree", said)
        self._explain()

    def _explain(self) -> None:
        """Name what happened to the records that do not have the hashes of the tree."""
        edited, deleted, inserted = self._sort_out()
        wanted = {want: leaf for leaf, (want, _got) in edited.items()} | {
            node: leaf for leaf, node in deleted.items()
        }
        moved = {leaf: wanted[got] for leaf, (_want, got) in edited.items() if got in wanted}
        moved |= {leaf: wanted[node] for leaf, node in inserted.items() if node in wanted}
        gone = sorted(set(deleted) - set(moved.values()))
        new = sorted(leaf for leaf, node in inserted.items() if node not in wanted)
        self._name_cut(gone)
        for leaf in gone:
            self.findings.add(
                "deleted", f"leaf {leaf}: the tree has its hash, the record is not here"
            )
        for leaf in new:
            self.findings.add(
                "inserted", f"about leaf {leaf}: a record that the tree does not have"
            )
        for leaf in sorted(set(edited) - set(moved) - set(moved.values())):
            self.findings.add("edited", f"leaf {leaf}")
        if not gone and not new:
            for leaf, place in sorted(moved.items()):
                self.findings.add("swapped", f"at leaf {leaf} stands the record of leaf {place}")
        if self._differing > len(self._differences):
            self.findings.add(
                "edited",
                f"{self._differing} blocks of records differ; the first {len(self._differences)} are told",
                0,
            )

    def _sort_out(
        self,
    ) -> tuple[dict[int, tuple[bytes, bytes]], dict[int, bytes], dict[int, bytes]]:
        """Leaves that have another hash than (wanted, found), that are gone, that are too many."""
        edited: dict[int, tuple[bytes, bytes]] = {}
        deleted: dict[int, bytes] = {}
        inserted: dict[int, bytes] = {}
        for found in self._differences:
            matcher = difflib.SequenceMatcher(None, found.want, found.got, autojunk=False)
            for tag, low, high, left, right in matcher.get_opcodes():
                if tag == "equal":
                    continue
                paired = min(high - low, right - left)
                for i in range(paired):
                    edited[found.first + low + i] = found.want[low + i], found.got[left + i]
                for i in range(low + paired, high):
                    deleted[found.first + i] = found.want[i]
                for i in range(left + paired, right):
                    inserted[found.first + i] = found.got[i]
        return edited, deleted, inserted

    def _name_cut(self, gone: list[int]) -> None:
        """Take off `gone` what reaches to the end of the log, and name it a cut."""
        end = self._source.checkpoint.size
        cut = end
        while gone and gone[-1] == cut - 1:
            cut = gone.pop()
        if cut < end:
            self.findings.add(
                "cut_tail", f"leaves {cut} to {end - 1} are signed and not here", end - cut
            )

    def _judge_older(self) -> None:
        good = 0
        for older in sorted(self._older, key=lambda o: o.checkpoint.size):
            signed, label = older.checkpoint, older.label
            known = self._roots.get(signed.size)
            if self._is_anothers(older):
                continue
            if signed.size > self._source.checkpoint.size:
                self.findings.add(
                    "cut_tail",
                    f"{label} names {signed.size} records, this log has {self._source.checkpoint.size}",
                )
            elif signed.size < self._start:
                continue  # compared by the verification that this one goes on from
            elif known is None:
                self.findings.add(
                    "older_unchecked" if older.own else "anchor_unchecked",
                    f"{label}, {signed.size} records",
                )
            elif known != signed.root:
                self.findings.add(
                    "ledger_rewritten",
                    f"{label} signs another root for the first {signed.size} records: changed between leaf {good} and leaf {signed.size - 1}",
                )
            else:
                good = signed.size

    def _is_anothers(self, older: Older) -> bool:
        """Whether it is not a checkpoint of this log by a known key; says so."""
        if older.checkpoint.origin != self._source.checkpoint.origin:
            self.findings.add(
                "another_key", f"{older.label} is of another log, {older.checkpoint.origin}"
            )
            return True
        keys = self._keys or ([self.report.key] if self.report.key else [])
        try:
            if older.checkpoint.signer(keys) is None and keys:
                self.findings.add(
                    "unconfirmed_anchor", f"{older.label}: signed by {older.checkpoint.signers}"
                )
        except ValueError as error:
            self.findings.add("bad_signature", f"{older.label}: {error}")
            return True
        return False

    def _gather(self, seconds: float) -> None:
        signed, writers = self._source.checkpoint, self._writers
        self.report.facts = {
            "kind": self._source.kind,
            "origin": signed.origin,
            "signed_records": signed.size,
            "root": signed.root.hex(),
            "records": self._records,
            "first_time": self._times[0] if self._times else None,
            "last_time": self._times[1] if self._times else None,
            "requests_with_end": writers.pairs if self._source.kind != "selection" else None,
            "older_compared": sum(o.own and o.checkpoint.size in self._roots for o in self._older),
            "started_at_leaf": self._start,
            "seconds": round(seconds, 3),
            "records_per_second": round(self._records / max(seconds, 1e-9)),
        }
        for anchor in self.report.anchors:
            anchor["compared"] = anchor["size"] in self._roots
        self.report.lives = writers.lives
        if isinstance(self._source, Ledger) and not self.findings.of(BAD):
            self.report.state = {
                "size": self._tree.size,
                "peaks": [[level, node.hex()] for level, node in self._tree.peaks],
                "writers": writers.state(),
            }

    # -- anchors --

    def _read_anchors(self) -> Iterator[Older]:
        for name, raw in self._source.anchors():
            try:
                anchor = json.loads(raw)
                checkpoint = Checkpoint.parse(anchor["checkpoint"].encode())
                if (anchor["size"], anchor["root"]) != (
                    checkpoint.size,
                    anchor_root(anchor["root"], checkpoint),
                ):
                    raise ValueError("its size or root is not the checkpoint's")  # noqa: TRY301
                stamp = check_token(anchor) if anchor["kind"] == "rfc3161" else None
                fact = {
                    "file": name,
                    "place": str(anchor["place"]),
                    "kind": str(anchor["kind"]),
                    "at": str(anchor["at"]),
                }
            except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                self.findings.add("anchor_changed", f"{name}: {error}")
                continue
            self.report.anchors.append({**fact, "size": checkpoint.size, "stamped": stamp})
            yield Older(f"the anchor {name}", checkpoint, own=False)


# -- anchors: RFC 3161 time stamps ---------------------------------------------------------------------


def anchor_root(said: str, checkpoint: Checkpoint) -> str:
    """The checkpoint's root in the spelling that the anchor uses: hex or base64."""
    return checkpoint.root.hex() if len(said) == 64 else base64.b64encode(checkpoint.root).decode()


def check_token(anchor: dict[str, Any]) -> str:
    """The time that a token claims, if its imprint is that of the anchor's checkpoint.

    The authority's signature is not verified here: that takes its certificate, which you get from
    the authority itself (docs/audit.md has the command). Raises ValueError.
    """
    raw = base64.b64decode(anchor["receipt"], validate=True)
    marker = bytes.fromhex("060b2a864886f70d0109100104")  # id-ct-TSTInfo
    place = raw.index(marker) + len(marker)  # ValueError where it is no token
    _tag, inner, _ = _der(raw, place)  # [0] EXPLICIT
    _tag, octets, _ = _der(inner, 0)
    _tag, info, _ = _der(octets, 0)
    members, at = [], 0
    while at < len(info):
        tag, value, at = _der(info, at)
        members.append((tag, value))
    _tag, algorithm, after = _der(members[2][1], 0)
    _tag, imprint, _ = _der(members[2][1], after)
    hashes = {
        "0609608648016503040201": "sha256",
        "0609608648016503040202": "sha384",
        "0609608648016503040203": "sha512",
    }
    name = next((h for prefix, h in hashes.items() if algorithm.hex().startswith(prefix)), None)
    if name is None or hashlib.new(name, anchor["checkpoint"].encode()).digest() != imprint:
        raise ValueError("the time stamp is of another text than this checkpoint")
    return next(value.decode() for tag, value in members if tag == 0x18)


def _der(raw: bytes, at: int) -> tuple[int, bytes, int]:
    """(tag, content, offset behind it) of a DER value. Raises IndexError, ValueError."""
    tag, length, at = raw[at], raw[at + 1], at + 2
    if length & 0x80:
        more = length & 0x7F
        length, at = int.from_bytes(raw[at : at + more], "big"), at + more
    if at + length > len(raw):
        raise ValueError("the time stamp is cut off")
    return tag, raw[at : at + length], at + length


# -- the report ----------------------------------------------------------------------------------------


def verdict(report: Report) -> str:
    """The answer in a sentence or two."""
    facts, bad = report.facts, report.findings.of(BAD)
    what = f"{facts['records']:,} records of {facts['origin']}"
    if bad:
        return f"NOT INTACT. {CODES[bad[0]][1]}"
    if facts["kind"] == "selection":
        said = f"these {what} are in the signed log, unchanged. A selection cannot show whether others were left out."
    elif facts["kind"] == "period":
        said = f"these {what} are in the signed log, unchanged, and none between the first and the last is missing."
    else:
        said = f"all {what} are as they were signed: none edited, deleted, inserted or moved."
    if report.exit_code == 3:
        return f"CONSISTENT, KEY NOT CONFIRMED: {said} But they are signed by a key that you have not confirmed: {report.key or 'its signature could not be checked'}. Give the key that you got from the institution by another way with --key."
    if report.exit_code == 4:
        return f"INTACT AS FAR AS IT COULD BE CHECKED: {said} See what could not."
    return f"INTACT: {said}"


def as_json(report: Report) -> dict[str, Any]:
    """Everything found, for programs."""
    findings = [
        {
            "code": code,
            "severity": CODES[code][0],
            "count": report.findings.counts[code],
            "means": CODES[code][1],
            "where": said,
        }
        for code, said in sorted(
            report.findings.said.items(), key=lambda item: list(CODES).index(item[0])
        )
    ]
    return {
        "verdict": {0: "intact", 1: "not intact", 3: "key not confirmed", 4: "partly checked"}[
            report.exit_code
        ],
        "sentence": verdict(report),
        "exit_code": report.exit_code,
        "key": report.key and str(report.key),
        "key_confirmed": report.confirmed,
        **report.facts,
        "anchors": report.anchors,
        "findings": findings,
    }


def as_text(report: Report) -> str:
    """The report for people: the verdict, then each finding with what it means, then the numbers."""
    facts, findings = report.facts, report.findings
    out = io.StringIO()
    out.write(f"{verdict(report)}\n")
    titles = {BAD: "Against the log", UNCHECKED: "Not checked", NOTE: "For your information"}
    for severity, title in titles.items():
        codes = findings.of(severity)
        if codes:
            out.write(f"\n{title}\n")
        for code in codes:
            out.write(f"  {code} ({findings.counts[code]:,})  {CODES[code][1]}\n")
            for sentence in findings.said[code][: SHOWN if severity != NOTE else 3]:
                out.write(f"      {sentence}\n")
    out.write(
        f"\nlog          {facts['origin']}, {facts['signed_records']:,} records signed, root {facts['root']}\n"
    )
    out.write(
        f"signed by    {report.key or 'not checked'}{', confirmed by you' if report.confirmed else ''}\n"
    )
    out.write(
        f"records      {facts['records']:,} here, {facts['first_time']} to {facts['last_time']}\n"
    )
    if facts["requests_with_end"] is not None:
        out.write(f"requests     {facts['requests_with_end']:,} with their end\n")
    out.write(f"checkpoints  {facts['older_compared']} older ones of yours compared\n")
    for anchor in report.anchors[-SHOWN:]:
        stamp = (
            f"; time stamp of {anchor['stamped']}, the authority's own signature is not checked here"
            if anchor["stamped"]
            else ""
        )
        compared = "same history" if anchor["compared"] else "not compared"
        out.write(
            f"anchor       {anchor['size']:,} records, {anchor['place']}, {anchor['at']}: {compared}{stamp}\n"
        )
    if report.anchors:
        out.write(
            "             These are the node's own copies. Compare with what the places themselves hold: --checkpoint\n"
        )
    out.write(f"speed        {facts['seconds']:.1f} s, {facts['records_per_second']:,} records/s\n")
    return out.getvalue()


# -- the command ---------------------------------------------------------------------------------------


def open_source(path: Path) -> "Ledger | Export":
    """What lies there. Raises UnreadableError."""
    if path.is_dir() and not (path / "export.json").exists():
        return Ledger(path)
    if not path.exists():
        raise UnreadableError(f"{path} does not exist")
    return Export(path)


def progress_bar(began: float, shown: list[float]) -> Progress:
    """Prints to standard error, four times a second, if somebody is looking."""

    def show(done: int, total: int) -> None:
        now = time.monotonic()
        if now - shown[0] > 0.25 or (done == total and shown[0]):
            shown[0] = now
            rate = done / max(now - began, 1e-9)
            end = "\n" if done == total else ""
            sys.stderr.write(
                f"\r{done:>14,} of {total:,} leaves, {rate:,.0f}/s, {(total - done) / max(rate, 1):,.0f} s to go {end}"
            )
            sys.stderr.flush()

    return show if sys.stderr.isatty() else lambda _done, _total: None


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description="Verifies an audit log offline: an export (folder or .zip) or a copied ledger.",
        epilog="exit codes: 0 intact, 1 changed, 2 unreadable or usage, 3 key not confirmed, 4 partly checked",
    )
    parser.add_argument("path", type=Path, help="an export, or the folder of a ledger")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY|FILE",
        help="a verify key that you trust; several, if it was changed",
    )
    parser.add_argument(
        "--checkpoint",
        "--older",
        action="append",
        default=[],
        metavar="FILE",
        help="an older checkpoint of your own: its text, a mail, an anchor; several",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    try:
        keys = read_keys(options.key)
        older = [
            Older(name, read_checkpoint(Path(name).read_bytes()), own=True)
            for name in options.checkpoint
        ]
        source = open_source(options.path)
        report = Verification(
            source, keys, older, progress=progress_bar(time.monotonic(), [0.0])
        ).run()
    except (UnreadableError, ValueError, KeyError, OSError) as error:
        sys.stderr.write(f"It could not be verified: {error}\n")
        return 2
    except DAMAGED_ZIP as error:
        sys.stderr.write(f"It could not be verified, the .zip is damaged: {error}\n")
        return 2
    if options.json:
        sys.stdout.write(json.dumps(as_json(report), indent=2) + "\n")
    else:
        sys.stdout.write(as_text(report))
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
