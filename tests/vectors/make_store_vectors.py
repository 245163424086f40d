"""Writes docs/vectors/store: `python -m tests.vectors.make_store_vectors`.

Names, derived keys, parts of uploads, and a file key that opens under two keys. Made by the second
implementation, with fixed values, so the files come out the same each time.
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support import skf1
from tests.support.gcm import ciphertext_for_two_keys

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "vectors" / "store"
Vector = tuple[str, dict[str, Any]]
KEK_ID = 2025001
FILE_ID = bytes(range(16))


def fixed(name: str) -> bytes:
    """32 bytes that everybody can make: SHA-256 of the name."""
    return hashlib.sha256(name.encode()).digest()


def all_vectors() -> Iterator[Vector]:
    """(name, content) of every file."""
    for make in (addresses, refused_names, derived_keys, parts, two_keys):
        yield from make()


def addresses() -> Iterator[Vector]:
    cases = {"plain": "a", "nested": "students/2025/4711.jpg", "unicode": "å/日本 \U0001f600"}
    for name, key in cases.items():
        address = skf1.address(fixed("naming"), "photos", key).hex()
        yield (
            f"address-{name}",
            {
                "about": "where version 12 of the year 2025 lies",
                "expect": "address",
                "naming": fixed("naming").hex(),
                "collection": "photos",
                "key": key,
                "address": address,
                "path": f"2025/{address[:2]}/{address[2:4]}/{address}.12",
            },
        )


def refused_names() -> Iterator[Vector]:
    keys = {
        "empty": ("an empty key", ""),
        "dots": ("a segment of two dots", "a/../b"),
        "dot": ("a segment of one dot", "./a"),
        "slash": ("an empty segment", "a//b"),
        "end": ("an empty last segment", "a/"),
        "control": ("a line feed", "a\nb"),
        "zero": ("a zero byte, which would end the collection's name", "a\0b"),
        "nfd": ("not in normalisation form C", "e\u0301"),
        "long": ("513 bytes of UTF-8", "å" * 256 + "a"),
    }
    collections = {
        "upper": ("a capital letter", "Photos"),
        "hyphen": ("begins with a hyphen", "-photos"),
        "long": ("65 letters", "a" * 65),
    }
    for name, (about, key) in keys.items():
        told = {"about": about, "expect": "refused", "collection": "photos", "key": key}
        yield f"key-{name}", told
    for name, (about, collection) in collections.items():
        told = {"about": about, "expect": "refused", "collection": collection, "key": "a"}
        yield f"collection-{name}", told


def derived_keys() -> Iterator[Vector]:
    dek, salt = fixed("dek"), fixed("salt")
    ikm = skf1.body_key(dek)
    yield (
        "derived-keys",
        {
            "about": "every key that is derived, in hex; ad is the body's associated data",
            "expect": "derived",
            "given": {
                "year_key": fixed("year").hex(),
                "erasure_key": fixed("subject").hex(),
                "dek": dek.hex(),
                "upload_key": fixed("upload").hex(),
                "file_id": FILE_ID.hex(),
                "salt": salt.hex(),
                "kek_id": KEK_ID,
            },
            "derived": {
                "kek": skf1.kek(fixed("year"), KEK_ID, b"").hex(),
                "kek_erasable": skf1.kek(fixed("year"), KEK_ID, fixed("subject")).hex(),
                "commitment": skf1.x(dek, b"skold/commit/v1\0" + FILE_ID).hex(),
                "metadata": skf1.x(dek, b"skold/meta-key/v1\0").hex(),
                "header_mac": skf1.x(dek, b"skold/hdr-mac/v1\0").hex(),
                "ikm_body": ikm.hex(),
                "ikm_part_2": skf1.part_key(fixed("upload"), 2).hex(),
                "staging": skf1.x(fixed("year"), b"skold/staging/v1\0").hex(),
                "ad": skf1.associated_data(FILE_ID).hex(),
                "segment_key": skf1.stream_key(ikm, FILE_ID, salt).hex(),
            },
        },
    )


def parts() -> Iterator[Vector]:
    """What can be kept of a part: whole, torn at each place, damaged."""
    second, first = skf1.part_key(fixed("upload"), 2), skf1.body_key(fixed("dek"))
    small, large = b"part two", bytes(131072 - 56 + 8)
    whole, long = part_body(second, small), part_body(second, large)
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    yield part("whole", "a part that ended", whole, small, part_number=2)
    yield part("first", "part 1 is under the file's own key", part_body(first, small), small)
    yield part("empty", "a part without a byte", part_body(second, b""), b"", part_number=2)
    torn = {
        "torn-short": ("the last segment was not written whole: nothing is kept", whole[:-1], 0),
        "torn-prelude": ("not even the prelude is there", whole[:39], 0),
        "torn-nothing": ("an empty file", b"", 0),
        "damaged": ("one bit of the only segment", flipped, 0),
        "torn-long": ("the first of two segments is kept", long[:-1], 131072 - 56),
        "torn-border": ("it ends with a full segment that is not the last", long[:131072], 131016),
        "wrong-number": ("part 3 is asked for", whole, 0),
    }
    for name, (about, raw, kept) in torn.items():
        number = 3 if name == "wrong-number" else 2
        yield part(name, about, raw, large[:kept], finished=False, part_number=number)


def part(
    name: str, about: str, raw: bytes, kept: bytes, *, finished: bool = True, part_number: int = 1
) -> Vector:
    keys = {"dek": fixed("dek").hex(), "upload_key": fixed("upload").hex()}
    return f"part-{name}", {
        "about": about,
        "expect": "finished" if finished else "torn",
        "keys": keys,
        "part": part_number,
        "file_id": FILE_ID.hex(),
        "kept": len(kept),
        "sha256": hashlib.sha256(kept).hexdigest(),
        "bytes": base64.b64encode(raw).decode(),
    }


def part_body(ikm: bytes, plain: bytes) -> bytes:
    return skf1.seal_body(ikm, FILE_ID, plain, fixed("salt"), b"prefix7")


def two_keys() -> Iterator[Vector]:
    years = fixed("year one"), fixed("year two")
    plain = b"committed to one key"
    digest = hashlib.sha256(plain).hexdigest()
    metadata = {"collection": "photos", "key": "a", "sha256": digest}
    address = skf1.address(fixed("naming"), "photos", "a")
    file = skf1.File(years[0], b"", plain, metadata, address)
    data = b"skold/wrap/v1\0" + file.fixed()
    keks = skf1.kek(years[0], KEK_ID, b""), skf1.kek(years[1], KEK_ID, b"")
    file.wrapped = ciphertext_for_two_keys(keks, file.wrap_nonce, data, fixed("free")[:16])
    deks = [AESGCM(kek).decrypt(file.wrap_nonce, file.wrapped, data) for kek in keks]
    file.dek = deks[0]
    raw = base64.b64encode(file.write()).decode()
    for name, year_key, dek, expect in (
        ("first", years[0], deks[0], "opens"),
        ("second", years[1], deks[1], "refused"),
    ):
        yield (
            f"two-keys-{name}",
            {
                "about": "the wrapped key opens under two year keys; the header commits to one",
                "expect": expect,
                "keys": {"year": {str(KEK_ID): year_key.hex()}, "naming": fixed("naming").hex()},
                "unwraps_to": dek.hex(),
                "asked": {"collection": "photos", "key": "a", "year": 2025, "number": 1},
                "sha256": digest,
                "bytes": raw,
            },
        )


def written(content: dict[str, Any]) -> str:
    """The text of a file."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in all_vectors():
        (FOLDER / f"{name}.json").write_text(written(content), encoding="utf-8")


if __name__ == "__main__":
    main()
