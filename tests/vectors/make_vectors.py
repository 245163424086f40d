"""Writes docs/vectors: `python -m tests.vectors.make_vectors`. Shares nothing with what it checks.

Every value is fixed, so the files come out the same each time; a test holds them to that.
"""

import base64
import hashlib
import hmac
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support import skf1

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "vectors"
YEAR, NAMING, DEK, SUBJECT, WRAPPING, ROOT = (
    hashlib.sha256(name).digest()
    for name in (b"year", b"naming", b"dek", b"subject", b"wrapping", b"root")
)
KEK_ID = 2025001
SIGNER = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"signer").digest())
PUBLIC = SIGNER.public_key().public_bytes_raw()
NONCE = b"twelve bytes"
Vector = tuple[str, dict[str, Any]]


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def all_vectors() -> Iterator[Vector]:
    """(name, content) of every file."""
    for make in (files, keysets, erasure_keys, documents, journals, urls):
        yield from make()


# -- stored files ----------------------------------------------------------------------------------


def files() -> Iterator[Vector]:
    plain = b"Hello, archive"
    whole = a_file(plain).write()
    yield file_vector("plain", "a file of 14 bytes", whole, plain=plain)
    yield file_vector("empty", "an empty file: one empty last segment", a_file(b"").write())
    two = bytes(131072 - 56 + 1)
    yield file_vector("two-segments", "one byte in the second segment", a_file(two).write(), two)
    erasure_id = erasure_id_of("42")
    bound = a_file(plain, flags=1, erasure_key=SUBJECT, erasure_id=erasure_id, data_subject="42")
    yield file_vector("erasable", "needs the subject's erasure key", bound.write(), plain=plain)
    marker = a_file(b"", flags=4)
    yield file_vector("delete-marker", "bit 2 of the flags", marker.write())
    yield from damaged_files(plain, whole)


def damaged_files(plain: bytes, whole: bytes) -> Iterator[Vector]:
    flipped = bytearray(whole)
    flipped[570] ^= 1
    cases = {
        "flipped": ("one bit of the body", bytes(flipped)),
        "cut": ("the last byte is missing", whole[:-1]),
        "extended": ("one byte too many", whole + b"\0"),
        "cut-in-header": ("the file ends within its header", whole[:511]),
        "magic": ("another magic", b"\0" + whole[1:]),
        "version-2": ("format version 2", a_file(plain, version=2).write()),
        "suite-2": ("an unknown suite", a_file(plain, suite=2).write()),
        "flag-8": ("an unknown flag", a_file(plain, flags=8).write()),
        "reserved": ("offset 28 is not zero", a_file(plain, zero=1).write()),
        "padding": ("the padding is not zero", a_file(plain, padding=b"\1").write()),
        "commitment": ("the wrapped key is another", a_file(plain, commitment=bytes(32)).write()),
        "size": ("size and body size contradict", a_file(plain, size=13).write()),
        "kek": (
            "wrapped under another kek_id",
            whole[:20] + struct.pack(">I", 2025002) + whole[24:],
        ),
        "key": ("the metadata name another key", a_file(plain, key="other").write()),
        "erasure-flag": ("erasable without an erasure_id", a_file(plain, flags=1).write()),
    }
    for name, (about, raw) in cases.items():
        yield file_vector(name, about, raw, expect="refused")
    yield file_vector("asked-number", "2025.2 is asked for", whole, expect="refused", number=2)
    yield file_vector("asked-key", "other is asked for", whole, expect="refused", key="other")


def a_file(plain: bytes, key: str = "hello.txt", **fields: Any) -> skf1.File:
    metadata = {
        "collection": "letters",
        "key": key,
        "media_type": "text/plain",
        "filename": "hällo.txt",
        "sha256": hashlib.sha256(plain).hexdigest(),
        "created_by": "tester",
    }
    if "data_subject" in fields:
        metadata["data_subject"] = fields.pop("data_subject")
    own = skf1.address(NAMING, "letters", "hello.txt")
    return skf1.File(YEAR, DEK, plain, metadata, own, **fields)


def file_vector(
    name: str, about: str, raw: bytes, plain: bytes = b"", expect: str = "opens", **asked: Any
) -> Vector:
    content = {
        "about": about,
        "expect": expect,
        "keys": {
            "year": {str(KEK_ID): YEAR.hex(), "2025002": YEAR.hex()},
            "naming": NAMING.hex(),
            "erasure": {erasure_id_of("42").hex(): SUBJECT.hex()},
        },
        "asked": {"collection": "letters", "key": "hello.txt", "year": 2025, "number": 1} | asked,
        "bytes": text(raw),
    }
    if expect == "opens":
        content["size"], content["sha256"] = len(plain), hashlib.sha256(plain).hexdigest()
    return f"file-{name}", content


def erasure_id_of(subject: str) -> bytes:
    data = b"erasure\0letters\0" + subject.encode()
    return hmac.new(NAMING, data, hashlib.sha256).digest()[:16]


# -- keys ------------------------------------------------------------------------------------------


def keysets() -> Iterator[Vector]:
    good = keyset()
    yield keyset_vector("opens", "two keys", good, keys={"year": {str(KEK_ID): YEAR.hex()}})
    yield keyset_vector("role", "another role is asked for", good, role="bridge")
    yield keyset_vector("root-key", "another root key", good, root=YEAR)
    for name, about, change in (
        ("number", "the number was raised", {"number": 8}),
        ("dropped", "a key was taken out", {"keys": good["keys"][:1]}),
        ("swapped", "the keys changed places", {"keys": good["keys"][::-1]}),
    ):
        yield keyset_vector(name, about, {**good, **change})


def keyset() -> dict[str, Any]:
    entries, told = [], b"data\0" + struct.pack(">Q", 7)
    for kind, key_id, key in (("year", str(KEK_ID), YEAR), ("naming", "1", NAMING)):
        data = f"skold/keyset/v1\0data\0{kind}\0{key_id}".encode()
        wrapped = NONCE + AESGCM(ROOT).encrypt(NONCE, key, data)
        entries.append({"kind": kind, "id": key_id, "wrapped": text(wrapped)})
        told += f"{kind}\0{key_id}\0".encode() + wrapped
    mac = hmac.new(skf1.x(ROOT, b"skold/keyset-mac/v1\0"), told, hashlib.sha256)
    document = {"format": "skold-keyset-1", "role": "data", "number": 7, "keys": entries}
    return {**document, "mac": mac.hexdigest()}


def keyset_vector(
    name: str, about: str, document: Any, role: str = "data", root: bytes = ROOT, **more: Any
) -> Vector:
    expect = "opens" if more else "refused"
    content = {"about": about, "expect": expect, "root_key": root.hex(), "role": role}
    return f"keyset-{name}", {**content, **more, "bytes": text(json.dumps(document).encode())}


def erasure_keys() -> Iterator[Vector]:
    erasure_id = erasure_id_of("42")
    clear = b"\x89SKE\r\n\x1a\n" + struct.pack(">HHI", 1, 0, 1) + erasure_id
    sealed = AESGCM(WRAPPING).encrypt(NONCE, SUBJECT, b"skold/erasure-key/v1\0" + clear)
    good = clear + NONCE + sealed
    payload = {"erasure_id": erasure_id.hex(), "erased_at": "2026-01-31T12:00:00Z"}
    other = {**payload, "erasure_id": bytes(16).hex()}
    signed = tombstone(payload)
    forged = {**signed, "payload": text(json.dumps({**payload, "erased_at": ""}).encode())}
    yield erasure_vector("key", "a subject's key", good, "opens", key=SUBJECT.hex())
    yield erasure_vector("key-flipped", "one bit", good[:-1] + bytes([good[-1] ^ 1]), "refused")
    yield erasure_vector("tombstone", "erased", json.dumps(signed).encode(), "erased")
    yield erasure_vector("tombstone-forged", "altered", json.dumps(forged).encode(), "refused")
    moved = json.dumps(tombstone(other)).encode()
    yield erasure_vector("tombstone-moved", "of another subject", moved, "refused")


def tombstone(payload: dict[str, str]) -> dict[str, str]:
    raw = json.dumps(payload).encode()
    signature = SIGNER.sign(b"skold/tombstone/v1\0" + raw)
    document = {"format": "skold-tombstone-1", "key_id": "tombstone-1"}
    return {**document, "payload": text(raw), "signature": text(signature)}


def erasure_vector(name: str, about: str, raw: bytes, expect: str, **more: Any) -> Vector:
    keys = {"wrapping": {"1": WRAPPING.hex()}, "tombstone": {"tombstone-1": PUBLIC.hex()}}
    asked = {"erasure_id": erasure_id_of("42").hex()}
    content = {"about": about, "expect": expect, "keys": keys, "asked": asked}
    return f"erasure-{name}", {**content, **more, "bytes": text(raw)}


# -- documents -------------------------------------------------------------------------------------


def documents() -> Iterator[Vector]:
    good = signed_document()
    yield document_vector("opens", "a layout; spacing does not matter", good, expect="opens")
    payload = {"years": {"2025": [{"root": "root-1", "state": "open"}]}}
    for name, about, change in (
        ("payload", "a state was changed", {"payload": payload}),
        ("number", "the number was raised", {"number": 4}),
        ("stamp", "stamped later", {"issued_at": 1_800_000_000}),
        ("key-id", "signed by a key nobody knows", {"key_id": "layout-2"}),
        ("extra", "a member too many", {"more": 1}),
        ("format", "another format", {"format": "skold-signed-2"}),
    ):
        yield document_vector(name, about, {**good, **change})
    yield document_vector("kind", "a policy is asked for", good, kind="policy")


def signed_document() -> dict[str, Any]:
    document = {
        "format": "skold-signed-1",
        "kind": "layout",
        "number": 3,
        "issued_at": 1_767_225_600,
        "key_id": "layout-1",
        "payload": {"years": {"2025": [{"root": "root-1", "state": "sealed"}]}, "note": "hållbar"},
    }
    signature = SIGNER.sign(b"skold/signed/v1\0" + canonical(document))
    return {**document, "signature": text(signature)}


def canonical(document: dict[str, Any]) -> bytes:
    """RFC 8785, which for these values is this."""
    written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return written.encode()


def document_vector(
    name: str, about: str, document: dict[str, Any], kind: str = "layout", expect: str = "refused"
) -> Vector:
    content: dict[str, Any] = {"about": about, "expect": expect, "kind": kind}
    content["keys"] = {"layout-1": PUBLIC.hex()}
    if expect == "opens":
        content |= {"number": document["number"], "payload": document["payload"]}
    return f"signed-{name}", {**content, "bytes": text(json.dumps(document, indent=2).encode())}


# -- journal ---------------------------------------------------------------------------------------

WRITER = "node-1.1.0.1767225600000000"


def journals() -> Iterator[Vector]:
    frames = journal_frames()
    whole = b"".join(frames)
    flipped = bytearray(whole)
    flipped[len(frames[0]) + 60] ^= 1
    cases = {
        "whole": ("open, req, done and close", whole, 4),
        "torn": ("the last frame was not written whole", whole[:-9], 3),
        "flipped": ("one bit of the second record", bytes(flipped), 1),
        "dropped": ("the second record was taken out", frames[0] + frames[2] + frames[3], 1),
        "swapped": ("two records changed places", frames[0] + frames[2] + frames[1], 1),
    }
    for name, (about, raw, count) in cases.items():
        content = {"about": about, "writer": WRITER, "good_records": count}
        yield f"journal-{name}", {**content, "bytes": text(raw.ljust(2048, b"\0"))}


def journal_frames() -> list[bytes]:
    private = canonical({"key": "hello.txt", "network": "192.0.2.7", "salt": bytes(16).hex()})
    commitment = hashlib.sha256(private).hexdigest()
    told: list[tuple[dict[str, Any], bytes]] = [
        ({"kind": "open", "format": "skold-journal-1", "group": 0}, b""),
        ({"kind": "req", "action": "read", "private": commitment, "group": 1}, private),
        ({"kind": "done", "ref": 1, "status": 200, "bytes": 14, "group": 1}, b""),
        ({"kind": "close", "group": 3}, b""),
    ]
    chain = hashlib.sha256(b"skold/audit/genesis/v1\0" + WRITER.encode()).digest()
    frames = []
    for n, (fields, hidden) in enumerate(told):
        at = f"2026-01-01T00:00:0{n}.000000Z"
        body = canonical({**fields, "at": at, "n": n, "writer": WRITER})
        leaf = hashlib.sha256(b"\0" + body).digest()
        chain = hashlib.sha256(b"skold/audit/chain/v1\0" + chain + leaf).digest()
        frame = struct.pack(">IQ32s", len(body), n, chain) + body
        frame += struct.pack(">I", len(hidden)) + hidden
        frames.append(frame + struct.pack(">I", zlib.crc32(frame)))
    return frames


# -- signed URLs -----------------------------------------------------------------------------------

PATH = "/v1/content/letters/h%C3%A4llo%2Ftxt"
SECRET = hashlib.sha256(b"url").digest()


def urls() -> Iterator[Vector]:
    given = {"expires": "1893456000", "kid": "k1"}
    query = signed_query("GET", given)
    subject = {**given, "sub": "m. lind/é", "disposition": "inline"}
    named = signed_query("GET", subject)
    version = signed_query("GET", {**given, "version": "2025.1"})
    yield url_vector("get", "the least there is", "GET", query, expect="valid")
    yield url_vector("head", "signed for GET, good for HEAD", "HEAD", query, expect="valid")
    yield url_vector("subject", "an end user, RFC 3986-encoded", "GET", named, expect="valid")
    yield url_vector("version", "other parameters are signed too", "GET", version, expect="valid")
    turned = "&".join(reversed(query.split("&")))
    yield url_vector("order", "the order they are sent in is free", "GET", turned, expect="valid")
    put = signed_query("PUT", given)
    yield url_vector("put", "signed for PUT", "PUT", put, expect="valid")
    yield url_vector("method", "signed for GET, sent as PUT", "PUT", query)
    yield url_vector("get-by-put", "signed for PUT, sent as GET", "GET", put)
    longer = query.replace("1893456000", "1993456000")
    yield url_vector("expires", "its life was lengthened", "GET", longer)
    yield url_vector("added", "a parameter was added", "GET", query + "&version=2025.1")
    yield url_vector("path", "for another path", "GET", query, path="/v1/content/letters/other")
    decoded = PATH.replace("%2F", "/")
    yield url_vector("decoded", "the path as sent is signed", "GET", query, path=decoded)
    yield from upload_urls(given)


def upload_urls(given: dict[str, str]) -> Iterator[Vector]:
    path = "/v1/uploads/4f2c9a52-52d5-4c0e-8d6e-3b3d64f9a001"
    patch = signed_query("PATCH", given, path)
    yield url_vector("patch", "for one upload", "PATCH", patch, path=path, expect="valid")
    about = "signed for PATCH, good for HEAD: where does the upload stand?"
    yield url_vector("patch-head", about, "HEAD", patch, path=path, expect="valid")
    about = "signed for PATCH, sent as DELETE"
    yield url_vector("patch-delete", about, "DELETE", patch, path=path)
    about = "signed for PATCH, sent as POST to commit it"
    yield url_vector("patch-commit", about, "POST", patch, path=f"{path}/commit")
    about = "signed for PUT, not good for HEAD"
    yield url_vector("put-head", about, "HEAD", signed_query("PUT", given))


def signed_query(method: str, given: dict[str, str], path: str = PATH) -> str:
    pairs = sorted(
        f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in given.items()
    )
    told = "\n".join((method, path, "&".join(pairs)))
    return "&".join([*pairs, "sig=" + hmac.new(SECRET, told.encode(), hashlib.sha256).hexdigest()])


def url_vector(
    name: str, about: str, method: str, query: str, *, path: str = PATH, expect: str = "refused"
) -> Vector:
    content = {"about": about, "expect": expect, "secret": SECRET.hex(), "method": method}
    return f"url-{name}", {**content, "path": path, "query": query}


def written(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, content in all_vectors():
        (FOLDER / f"{name}.json").write_text(written(content), encoding="utf-8")
