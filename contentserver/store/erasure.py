"""Erasure keys: without a data subject's, no file of the subject opens.

`<folder>/ab/cd/<erasure_id in hex>` holds the wrapped key, 92 bytes, or in its place a tombstone:
```
 0  8  magic 89 53 4B 45 0D 0A 1A 0A
 8  2  version = 1
10  2  zero
12  4  number of the erasure-wrapping key, from 1
16 16  erasure_id
32 60  nonce[12] ‖ AES-256-GCM(erasure-wrapping key, nonce, key[32],
       AAD = "skold/erasure-key/v1\\0" ‖ file[0:32])
```
A tombstone is JSON: `{"format": "skold-tombstone-1", "key_id": …, "payload": base64, "signature":
base64}`, signed by Ed25519 over "skold/tombstone/v1\\0" ‖ payload; the payload is JSON again,
`{"erasure_id": hex, "erased_at": RFC 3339}`. erasure_id = first 16 bytes of HMAC-SHA256(naming key,
"erasure\\0" ‖ collection ‖ 00 ‖ data subject).
"""

import base64
import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Collection, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from contentserver.store import fileops
from contentserver.store.derive import KEY_SIZE, unwrap, wrap
from contentserver.store.erasure_batch import create_together
from contentserver.store.errors import Corrupt, Erased, KeyMissing, SlotTaken
from contentserver.store.keyset import Keyset
from contentserver.store.recent import Recent

MAGIC = b"\x89SKE\r\n\x1a\n"
FORMAT_VERSION = 1
TOMBSTONE_FORMAT = "skold-tombstone-1"
_FILE_MAX = 4096
"""Bytes read; a longer file is cut here, and refused for it."""

_FEW = 4
"""New keys below which each is flushed for itself."""


class ErasureKeys:
    """The erasure keys of this machine. The file is read each time, so what another process wrote,
    a tombstone above all, holds at once; only the unwrapping is remembered.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        wrapping_key: bytes,
        naming_key: bytes,
        verify_tombstone_keys: Mapping[str, bytes],
        *,
        wrapping_id: int = 1,
    ) -> None:
        """Raises KeyMissing if the folder is not there: it is made at the first start alone, since
        an empty one would give subjects new keys, and their files would never open again.
        """
        try:
            self._dir_fd = fileops.open_root(folder)
        except FileNotFoundError:
            raise KeyMissing(f"folder {os.fspath(folder)}") from None
        self._wrapping_key = wrapping_key
        self._wrapping_id = wrapping_id
        self._naming_key = naming_key
        self._tombstone_keys = verify_tombstone_keys
        self._unwrapped: Recent[bytes, bytes] = Recent(32_768)
        self._durable: Recent[bytes, bool] = Recent(10_000)

    @classmethod
    def from_keyset(cls, folder: str | os.PathLike[str], keyset: Keyset) -> "ErasureKeys":
        """With the keys of the data plane's keyset."""
        tombstones = keyset.verify_keys("tombstone")
        return cls(folder, keyset.erasure_key(1), keyset.naming, tombstones)

    def id_for(self, collection: str, subject: str) -> bytes:
        """The erasure_id, 16 bytes, of a data subject in a collection."""
        text = b"erasure\0%b\0%b" % (collection.encode(), subject.encode())
        return hmac.digest(self._naming_key, text, "sha256")[:16]

    def get(self, erasure_id: bytes, *, cached_only: bool = False) -> bytes:
        """The key, 32 bytes. Raises Erased; KeyMissing if there is neither key nor tombstone;
        Corrupt; with `cached_only` fileops.WouldBlock instead of waiting for the disk.
        """
        raw = self._read(erasure_id, cached_only=cached_only)
        if raw is None:
            raise KeyMissing(f"erasure {erasure_id.hex()}")
        key = self._unwrapped.find(raw)
        if key is None:
            key = self._opened(raw, erasure_id)
            self._unwrapped.keep(raw, key)
        elif raw[16:32] != erasure_id:
            raise Corrupt(f"the erasure key {erasure_id.hex()} is that of another subject")
        return key

    def obtain(self, erasure_id: bytes) -> bytes:
        """The key, made if the subject has none; on stable storage before this returns, whoever
        made it. Raises Erased, Corrupt, NoSpace, OSError.
        """
        try:
            key = self.get(erasure_id)
        except KeyMissing:
            self._create(erasure_id)
            return self.get(erasure_id)
        if self._durable.find(erasure_id) is None:  # its maker may not have fsynced the folder yet
            folder_fd = fileops.make_dirs_durably(self._dir_fd, _folder(erasure_id))
            try:
                self._settle(folder_fd, erasure_id)
            finally:
                fileops.close(folder_fd)
        return key

    def obtain_many(self, erasure_ids: Collection[bytes]) -> None:
        """As `obtain`, of many subjects with few flushes; a tombstone or a damaged key is left as
        it is, for `get` to name. Raises NoSpace, OSError.
        """
        wanted = set(erasure_ids)
        missing = [one for one in wanted if self._read(one, cached_only=False) is None]
        if len(missing) < _FEW or not fileops.SYNCFS_TELLS:
            for erasure_id in wanted:
                with contextlib.suppress(Erased, Corrupt, KeyMissing):
                    self.obtain(erasure_id)
            return
        create_together(self._dir_fd, {_path(one): self._sealed(one) for one in missing})
        for erasure_id in wanted - set(missing):
            with contextlib.suppress(Erased, Corrupt, KeyMissing):
                self.obtain(erasure_id)
        for erasure_id in missing:
            self._durable.keep(erasure_id, value=True)

    def close(self) -> None:
        """Let the folder go."""
        fileops.close(self._dir_fd)

    def _read(self, erasure_id: bytes, *, cached_only: bool) -> bytes | None:
        path = _path(erasure_id)
        if cached_only:
            fd = fileops.find_file_cached(self._dir_fd, path.encode())
        else:
            fd = fileops.find_file(self._dir_fd, path)
        if fd is None:
            return None
        try:
            buffer = bytearray(_FILE_MAX)
            read = fileops.read_at_cached if cached_only else fileops.read_at
            return bytes(buffer[: read(fd, buffer, 0)])
        finally:
            fileops.close(fd)

    def _create(self, erasure_id: bytes) -> None:
        """Give the subject a key, unless another process does so first."""
        name = erasure_id.hex()
        temporary = f".{name}.{secrets.token_hex(8)}"
        folder_fd = fileops.make_dirs_durably(self._dir_fd, _folder(erasure_id))
        try:
            self._write(folder_fd, temporary, self._sealed(erasure_id))
            with contextlib.suppress(SlotTaken):
                fileops.link_into_place(folder_fd, temporary, folder_fd, name, "link_erasure_key")
            self._settle(folder_fd, erasure_id)
        finally:
            fileops.unlink_if_there(folder_fd, temporary)
            fileops.close(folder_fd)

    @staticmethod
    def _write(folder_fd: int, name: str, data: bytes) -> None:
        fd = fileops.create_exclusive(folder_fd, name)
        try:
            fileops.write_all(fd, data, 0)
            fileops.fsync_file(fd, "sync_erasure_key")
        finally:
            fileops.close(fd)

    def _settle(self, folder_fd: int, erasure_id: bytes) -> None:
        """Make the key's name durable."""
        fileops.sync_dir(folder_fd, "sync_erasure_dir")
        self._durable.keep(erasure_id, value=True)

    def _sealed(self, erasure_id: bytes) -> bytes:
        clear = MAGIC + FORMAT_VERSION.to_bytes(2, "big") + bytes(2)
        clear += self._wrapping_id.to_bytes(4, "big") + erasure_id
        return clear + wrap(self._wrapping_key, secrets.token_bytes(KEY_SIZE), _data(clear))

    def _opened(self, raw: bytes, erasure_id: bytes) -> bytes:
        if raw[:1] == b"{":
            verify_tombstone(raw, erasure_id, self._tombstone_keys)
            raise Erased
        name = f"the erasure key {erasure_id.hex()}"
        if raw[:12] != MAGIC + FORMAT_VERSION.to_bytes(2, "big") + bytes(2):
            raise Corrupt(f"{name} is not an erasure key; restore it from the key backup")
        if raw[16:32] != erasure_id:
            raise Corrupt(f"{name} is that of another subject")
        wrapping_id = int.from_bytes(raw[12:16], "big")
        if wrapping_id != self._wrapping_id:
            raise KeyMissing(f"erasure-wrapping {wrapping_id}")
        return unwrap(self._wrapping_key, raw[32:], _data(raw[:32]), name)


def verify_tombstone(raw: bytes, erasure_id: bytes, keys: Mapping[str, bytes]) -> None:
    """Return if these bytes are a tombstone of this erasure_id, signed by one of the keys.

    Raises Corrupt: an unsigned one erases nobody, and is no reason to make a new key either.
    """
    name = f"the tombstone of {erasure_id.hex()}"
    try:
        document = json.loads(raw)
        payload = base64.b64decode(document["payload"], validate=True)
        signature = base64.b64decode(document["signature"], validate=True)
        known = Ed25519PublicKey.from_public_bytes(keys[document["key_id"]])
        known.verify(signature, b"skold/tombstone/v1\0" + payload)
        of_format = document["format"] == TOMBSTONE_FORMAT
        subject = json.loads(payload)["erasure_id"]
    except (ValueError, KeyError, TypeError, RecursionError, InvalidSignature):
        raise Corrupt(f"{name} is not signed by a known key") from None
    if not of_format or subject != erasure_id.hex():
        raise Corrupt(f"{name} is one of another format or subject")


def _folder(erasure_id: bytes) -> str:
    name = erasure_id.hex()
    return f"{name[:2]}/{name[2:4]}"


def _path(erasure_id: bytes) -> str:
    return f"{_folder(erasure_id)}/{erasure_id.hex()}"


def _data(clear: bytes) -> bytes:
    return b"skold/erasure-key/v1\0" + clear
