"""Writes docs/vectors/tree: `python -m tests.vectors.make_tree_vectors`. Shares no code with the
server: the tree is RFC 6962 read word by word.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.naive_tree import mth, path, proof

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "vectors" / "tree"
ORIGIN = "example.org/node-1"
OLD, NEW, STRANGER = (
    Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name).digest())
    for name in (b"old", b"new", b"stranger")
)
ENTRIES = [b'{"n":%d}' % n for n in range(70)]
Vector = tuple[str, dict[str, Any]]


def all_vectors() -> Iterator[Vector]:
    for make in (roots, inclusions, consistencies, checkpoints, tlog_proofs, tiles):
        yield from make()


def hexed(hashes: list[bytes]) -> list[str]:
    return [each.hex() for each in hashes]


def flipped(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 1]) + raw[1:]


def roots() -> Iterator[Vector]:
    for size in (0, 1, 2, 3, 7, 8, 70):
        told = {"about": f"a tree of {size}", "expect": "valid"}
        entries = hexed(ENTRIES[:size])
        yield f"root-{size}", {**told, "entries": entries, "root": mth(ENTRIES[:size]).hex()}


def inclusions() -> Iterator[Vector]:
    def vector(about: str, index: int, size: int) -> dict[str, Any]:
        leaf = hashlib.sha256(b"\0" + ENTRIES[index]).hexdigest()
        found = hexed(path(index, ENTRIES[:size]))
        told = {"about": about, "expect": "valid", "leaf": leaf, "index": index, "size": size}
        return {**told, "proof": found, "root": mth(ENTRIES[:size]).hex()}

    for index, size in ((0, 1), (0, 2), (2, 3), (6, 7), (3, 8), (69, 70), (5, 70)):
        yield f"inclusion-{index}-of-{size}", vector("as it should be", index, size)
    good = path(5, ENTRIES)
    refused = {"expect": "refused"}
    first = [flipped(good[0]).hex(), *hexed(good[1:])]
    wrong = {"wrong-index": {"index": 4}, "wrong-size": {"size": 6}, "flipped": {"proof": first}}
    wrong |= {
        "short": {"proof": hexed(good[:-1])},
        "long": {"proof": hexed([*good, good[0]])},
        "swapped": {"proof": hexed([good[1], good[0], *good[2:]])},
        "wrong-root": {"root": mth(ENTRIES[:69]).hex()},
        "wrong-leaf": {"leaf": hashlib.sha256(ENTRIES[5]).hexdigest()},
        "past-the-end": {"index": 70},
        "empty-tree": {"index": 0, "size": 0, "proof": [], "root": mth([]).hex()},
    }
    for name, other in wrong.items():
        yield f"inclusion-{name}", vector(name.replace("-", " "), 5, 70) | refused | other


def consistencies() -> Iterator[Vector]:
    def vector(about: str, old: int, new: int) -> dict[str, Any]:
        found = hexed(proof(old, ENTRIES[:new])) if 0 < old < new else []
        sizes = {"old_size": old, "new_size": new}
        both = {"old_root": mth(ENTRIES[:old]).hex(), "new_root": mth(ENTRIES[:new]).hex()}
        return {"about": about, "expect": "valid", **sizes, **both, "proof": found}

    for old, new in ((1, 2), (3, 7), (4, 7), (6, 8), (7, 7), (0, 5), (64, 70), (69, 70)):
        yield f"consistency-{old}-{new}", vector("as it should be", old, new)
    good = proof(6, ENTRIES)
    refused = {"expect": "refused"}
    forged = [b"forged", *ENTRIES[1:]]
    for name, other in {
        "rewritten": {
            "new_root": mth(forged).hex(),
            "proof": hexed(proof(6, forged)),
        },
        "short": {"proof": hexed(good[1:])},
        "long": {"proof": hexed([*good, good[0]])},
        "flipped": {"proof": hexed([*good[:-1], flipped(good[-1])])},
        "backwards": {"old_size": 70, "new_size": 6},
        "same-size-other-root": {"old_size": 70, "proof": []},
        "superfluous": {"old_size": 0, "old_root": mth([]).hex()},
    }.items():
        yield f"consistency-{name}", vector(name.replace("-", " "), 6, 70) | refused | other


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def key_id(key: Ed25519PrivateKey, name: str = ORIGIN) -> bytes:
    return hashlib.sha256(name.encode() + b"\n\x01" + public(key)).digest()[:4]


def vkey(key: Ed25519PrivateKey) -> str:
    encoded = base64.b64encode(b"\x01" + public(key)).decode()
    return f"{ORIGIN}+{key_id(key).hex()}+{encoded}"


def text_of(size: int, root: bytes) -> str:
    return f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n"


def note(text: str, *keys: Ed25519PrivateKey, name: str = ORIGIN) -> str:
    lines = "".join(
        f"\u2014 {name} "
        + base64.b64encode(key_id(key, name) + key.sign(text.encode())).decode()
        + "\n"
        for key in keys
    )
    return f"{text}\n{lines}"


def checkpoints() -> Iterator[Vector]:
    head = text_of(70, mth(ENTRIES))
    both = note(head, OLD, NEW)

    def vector(about: str, expect: str, text: str, **other: Any) -> dict[str, Any]:
        keys = [vkey(OLD), vkey(NEW)]
        told = {"about": about, "expect": expect, "verify_keys": keys, "origin": ORIGIN}
        return {**told, "note": text, "size": 70, "root": mth(ENTRIES).hex(), **other}

    yield "checkpoint-one-key", vector("signed by one key", "valid", note(head, NEW))
    yield "checkpoint-rotation", vector("signed by the old and the new key", "valid", both)
    about = "a key that is not known has signed it, too"
    yield "checkpoint-stranger-too", vector(about, "valid", note(head, STRANGER, NEW))
    empty = note(text_of(0, mth([])), NEW)
    yield "checkpoint-empty", vector("no leaves", "valid", empty, size=0, root=mth([]).hex())
    extended = note(head + "an extension line\n", NEW)
    yield "checkpoint-extended", vector("a line more, to be passed over", "valid", extended)
    forged = both.replace("\n70\n", "\n71\n")
    mixed = note(head, OLD) + note(forged.partition("\n\n")[0] + "\n", NEW).partition("\n\n")[2]
    for name, about, text in (
        ("stranger", "an unknown key alone", note(head, STRANGER)),
        ("other-name", "the right key under another name", note(head, NEW, name="example.org/n")),
        ("changed", "its size was changed", forged),
        (
            "one-wrong",
            "one of two known signatures is wrong",
            mixed,
        ),
        ("unsigned", "no signature", f"{head}\n"),
        (
            "leading-zero",
            "the size is not written shortest",
            note(head.replace("\n70\n", "\n070\n"), NEW),
        ),
        ("short-root", "the root has 31 bytes", note(text_of(70, mth(ENTRIES)[:31]), NEW)),
        ("cut", "its last line end is missing", both[:-1]),
        ("return", "lines end in CR LF", note(head.replace("\n", "\r\n"), NEW)),
    ):
        yield f"checkpoint-{name}", vector(about, "refused", text)
    other = note(head.replace("node-1", "node-2"), NEW)
    yield "checkpoint-other-log", vector("another log's", "refused", other)


def tlog_proofs() -> Iterator[Vector]:
    def text(index: int, hashes: list[bytes], extra: str = "") -> str:
        lines = "".join(base64.b64encode(each).decode() + "\n" for each in hashes)
        head = f"c2sp.org/tlog-proof@v1\n{extra}index {index}\n{lines}\n"
        return head + note(text_of(70, mth(ENTRIES)), NEW)

    def vector(about: str, expect: str, given: str, body: bytes = ENTRIES[5]) -> dict[str, Any]:
        told = {"about": about, "expect": expect, "verify_keys": [vkey(NEW)], "origin": ORIGIN}
        return {**told, "body": body.decode(), "proof": given}

    good = text(5, path(5, ENTRIES))
    yield "tlog-proof-good", vector("as it should be", "valid", good)
    extra = text(5, path(5, ENTRIES), "extra AAAA\n")
    yield "tlog-proof-extra", vector("an extra line, which nothing signs", "valid", extra)
    for name, about, given, body in (
        ("other-record", "the body of another record", good, ENTRIES[6]),
        ("other-index", "the index was changed", good.replace("index 5", "index 7"), ENTRIES[5]),
        (
            "leading-zero",
            "the index is not shortest",
            good.replace("index 5", "index 05"),
            ENTRIES[5],
        ),
        ("version", "a version that is not known", good.replace("@v1", "@v2"), ENTRIES[5]),
        ("no-checkpoint", "the checkpoint is missing", good.partition("\n\n")[0], ENTRIES[5]),
        (
            "changed-checkpoint",
            "its size was changed",
            good.replace("\n70\n", "\n71\n"),
            ENTRIES[5],
        ),
    ):
        yield f"tlog-proof-{name}", vector(about, "refused", given, body)


def tiles() -> Iterator[Vector]:
    """Entry i is the decimal i."""
    size = 600
    entries = [b"%d" % n for n in range(size)]
    leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in entries]
    level_1 = [mth(entries[n : n + 256]) for n in (0, 256)]
    files = {
        "tile/0/000": leaves[:256],
        "tile/0/001": leaves[256:512],
        "tile/0/002.p/88": leaves[512:],
        "tile/1/000.p/2": level_1,
    }
    sums = {name: hashlib.sha256(b"".join(hashes)).hexdigest() for name, hashes in files.items()}
    about = "entry i is the decimal i; SHA-256 of every hash tile"
    told = {"about": about, "expect": "valid", "size": size, "root": mth(entries).hex()}
    yield "tiles-600", {**told, "tiles": sums}


def files() -> dict[str, str]:
    return {
        f"{name}.json": json.dumps(content, indent=1, ensure_ascii=True) + "\n"
        for name, content in all_vectors()
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in files().items():
        (FOLDER / name).write_text(content, encoding="ascii")
