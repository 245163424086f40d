"""Whole journals as vectors: what can be read of each, and what its end means."""

import hashlib
import json
import struct
import zlib
from pathlib import Path

import pytest

from skold.journal_reader import WriterReader
from tests.support.skold_vectors import FOLDER, files


def load(path):
    return json.loads(path.read_text(encoding="ascii"))


journals = pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("journal-*.json")), ids=lambda p: p.stem
)


def test_the_product_still_makes_the_same_vectors():
    made = files()
    assert {path.name for path in FOLDER.iterdir()} == set(made)
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="ascii") == text


def independent_frames(segments, writer):
    """docs/format.md, section 7, word by word: yields what can be read."""
    chain = hashlib.sha256(b"skold/audit/genesis/v1\0" + writer.encode()).digest()
    n = 0
    for whole in segments:
        segment = whole
        while len(segment) >= 44:
            length, number = struct.unpack(">IQ", segment[:12])
            body = segment[44 : 44 + length]
            (size,) = struct.unpack(">I", segment[44 + length : 48 + length] or b"\0\0\0\0")
            end = 48 + length + size
            if not length or segment[end : end + 4] != struct.pack(">I", zlib.crc32(segment[:end])):
                return
            fields = json.loads(body)
            if fields["kind"] != "beat":
                leaf = hashlib.sha256(b"\0" + body).digest()
                chain = hashlib.sha256(b"skold/audit/chain/v1\0" + chain + leaf).digest()
                if (number, segment[12:44], fields["n"]) != (n, chain, n):
                    return
                private = segment[48 + length : end]
                yield {
                    "n": n,
                    "body": body.decode(),
                    "private": private.decode(),
                    "leaf": leaf.hex(),
                    "chain": chain.hex(),
                }
                n += 1
            segment = segment[end + 4 :]


@journals
def test_an_independent_reader_reads_the_journal_alike(path):
    told = load(path)
    segments = [bytes.fromhex(segment) for segment in told["segments"]]
    assert list(independent_frames(segments, told["writer"])) == told["expect"]["records"]


@journals
def test_the_product_reads_the_journal_as_told(path, tmp_path: Path):
    told = load(path)
    folder = tmp_path / told["writer"]
    folder.mkdir()
    for number, segment in enumerate(told["segments"]):
        if segment:
            (folder / f"{number:08d}.skj").write_bytes(bytes.fromhex(segment).ljust(65536, b"\0"))
    reader = WriterReader(tmp_path, told["writer"])
    found = reader.read()
    assert [
        {
            "n": frame.n,
            "body": frame.body.decode(),
            "private": frame.private.decode(),
            "leaf": frame.leaf.hex(),
            "chain": frame.chain.hex(),
        }
        for frame in found
    ] == told["expect"]["records"]
    assert all(frame.private_intact for frame in found)
    assert reader.tail().value == told["expect"]["tail"]


@journals
def test_bodies_and_private_parts_are_canonical_and_committed_to(path):
    for record in load(path)["expect"]["records"]:
        fields = json.loads(record["body"])
        form = json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert form == record["body"]
        if record["private"]:
            assert fields["private"] == hashlib.sha256(record["private"].encode()).hexdigest()
