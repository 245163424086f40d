"""Keysets: the keys of a role, each wrapped under the role's root key, in one JSON file.

```
{"format": "skold-keyset-1", "role": "data", "number": 1,
 "keys": [{"kind": "year", "id": "2026001", "wrapped": "<base64>"}, ...], "mac": "<hex>"}
wrapped = nonce[12] ‖ AES-256-GCM(root key, nonce, key[32],
          AAD = "skold/keyset/v1\\0" ‖ role ‖ 00 ‖ kind ‖ 00 ‖ id)
mac     = HMAC-SHA256(X(root key, "skold/keyset-mac/v1\\0"),
          role ‖ 00 ‖ BE64(number) ‖ for each key in order: kind ‖ 00 ‖ id ‖ 00 ‖ wrapped[60])
```
The data plane's role `data` holds `year` (id = kek_id in decimal), `naming`, `url`, `erasure` (id =
a number from 1) and `verify-<purpose>`; the role `bridge` holds `sign-<purpose>`. Purposes are
policy, layout, checkpoint, seal, tombstone and certificate. The id of a signing key and of its
verify key is `<purpose>-` and the first 16 hex digits of SHA-256(public key); the keys are raw
Ed25519. Every change raises the number; `<name>.seen` beside the file holds the highest number
published, in decimal, and a reader refuses a lower one. A root key is 32 bytes, as base64 in a file
or an environment variable.
"""

import base64
import binascii
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

from contentserver.store import fileops
from contentserver.store.derive import KEY_SIZE, expand, unwrap, wrap
from contentserver.store.errors import Corrupt, KeyMissing

Role = Literal["data", "bridge"]
FORMAT = "skold-keyset-1"
PURPOSES = ("policy", "layout", "checkpoint", "seal", "tombstone", "certificate")
GENERATIONS = 1000
"""kek_id = year * 1000 + generation, from 1."""

ROOT_KEY_VARIABLES: Mapping[Role, str] = MappingProxyType(
    {"data": "CONTENTSERVER_DATA_ROOT_KEY", "bridge": "CONTENTSERVER_BRIDGE_ROOT_KEY"}
)


class Entry(NamedTuple):
    """A key of 32 bytes, its kind and its id within the kind."""

    kind: str
    id: str
    key: bytes


class State(NamedTuple):
    """A keyset file as it was read once. `stamp` changes when the file does."""

    stamp: tuple[int, int, int]
    number: int
    keys: Mapping[str, Mapping[str, bytes]]
    years: Mapping[int, bytes]


def read_root_key(path: str | os.PathLike[str], role: Role | None = None) -> bytes:
    """The root key of a role: from its environment variable if that is set, else from the file.

    Raises KeyMissing if there is neither, Corrupt if it is not the base64 of 32 bytes.
    """
    text = os.environ.get(ROOT_KEY_VARIABLES[role], "") if role else ""
    try:
        return decode_root_key(text or fileops.read_secret(path))
    except FileNotFoundError:
        raise KeyMissing(f"root key {os.fspath(path)}") from None
    except Corrupt as error:
        where = ROOT_KEY_VARIABLES[role] if role and text else os.fspath(path)
        raise Corrupt(f"{where} {error}") from None


def decode_root_key(text: str) -> bytes:
    """The 32 bytes of a root key. Raises Corrupt."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_SIZE:
        raise Corrupt("is not a root key, which is the base64 of 32 bytes")
    return key


def stamp_of(path: Path) -> tuple[int, int, int]:
    """What changes when the file is replaced: inode, time and size. Raises FileNotFoundError."""
    facts = path.stat()
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def read(path: Path, root_key: bytes, role: Role) -> State:
    """Read and verify a keyset. Raises KeyMissing if it is not there, Corrupt otherwise."""
    try:
        stamp = stamp_of(path)
        with opened(path.parent) as dir_fd:
            raw = fileops.read_file(dir_fd, path.name) or b""
            seen = int(fileops.read_file(dir_fd, f"{path.name}.seen") or b"0")
    except FileNotFoundError:
        raise KeyMissing(f"set {path}") from None
    number, entries = decode(raw, root_key, role, str(path))
    if number < seen:
        raise Corrupt(
            f"{path} has the number {number}, and {seen} was published here: restore the newest "
            f"keyset; if it is the newest there is, remove {path.name}.seen"
        )
    keys: dict[str, dict[str, bytes]] = {}
    for entry in entries:
        keys.setdefault(entry.kind, {})[entry.id] = entry.key
    years = {int(key_id): key for key_id, key in keys.get("year", {}).items()}
    return State(stamp, number, keys, years)


def write(path: Path, root_key: bytes, role: Role, number: int, entries: list[Entry]) -> None:
    """Replace a keyset durably, then note its number as seen."""
    with opened(path.parent) as dir_fd:
        fileops.replace_durably(dir_fd, path.name, encode(root_key, role, number, entries))
        fileops.replace_durably(dir_fd, f"{path.name}.seen", b"%d" % number)


def encode(root_key: bytes, role: Role, number: int, entries: list[Entry]) -> bytes:
    """The bytes of a keyset file."""
    sealed = [(e.kind, e.id, wrap(root_key, e.key, _data(role, e.kind, e.id))) for e in entries]
    document = {
        "format": FORMAT,
        "role": role,
        "number": number,
        "keys": [
            {"kind": kind, "id": key_id, "wrapped": base64.b64encode(wrapped).decode()}
            for kind, key_id, wrapped in sealed
        ],
        "mac": _mac(root_key, role, number, sealed).hex(),
    }
    return json.dumps(document, indent=1).encode() + b"\n"


def decode(raw: bytes, root_key: bytes, role: Role, name: str) -> tuple[int, list[Entry]]:
    """Number and keys of a keyset file. Raises Corrupt, naming the file, if anything is wrong."""
    try:
        document = json.loads(raw)
        found, number = (document["format"], document["role"]), int(document["number"])
        sealed = [
            (str(key["kind"]), str(key["id"]), base64.b64decode(key["wrapped"], validate=True))
            for key in document["keys"]
        ]
        mac = bytes.fromhex(document["mac"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Corrupt(f"{name} is not a keyset; restore it from the key backup") from None
    if found != (FORMAT, role):
        raise Corrupt(f"{name} is not a keyset of the role {role}")
    if not hmac.compare_digest(_mac(root_key, role, number, sealed), mac):
        raise Corrupt(
            f"{name} does not authenticate under the root key of the role {role}: one of the two "
            f"is not the right one"
        )
    return number, [
        Entry(kind, key_id, unwrap(root_key, wrapped, _data(role, kind, key_id), f"{name}: {kind}"))
        for kind, key_id, wrapped in sealed
    ]


def _data(role: Role, kind: str, key_id: str) -> bytes:
    return b"skold/keyset/v1\0" + f"{role}\0{kind}\0{key_id}".encode()


def _mac(root_key: bytes, role: Role, number: int, sealed: list[tuple[str, str, bytes]]) -> bytes:
    text = f"{role}\0".encode() + number.to_bytes(8, "big")
    for kind, key_id, wrapped in sealed:
        text += f"{kind}\0{key_id}\0".encode() + wrapped
    return hmac.digest(expand(root_key, b"skold/keyset-mac/v1\0"), text, "sha256")


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """A descriptor of a folder anywhere, closed at the end."""
    dir_fd = fileops.open_root(folder)
    try:
        yield dir_fd
    finally:
        fileops.close(dir_fd)
