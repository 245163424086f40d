"""Tombstones, as docs/format.md says; made here because the store only reads them."""

import base64
import json

from tests.support.keys import Keys


def tombstone(keys: Keys, erasure_id: bytes, purpose: str = "tombstone") -> bytes:
    """A tombstone signed with the bridge's key of this purpose."""
    key_id, key = keys.bridge.signing_key(purpose)
    facts = {"erasure_id": erasure_id.hex(), "erased_at": "2025-06-01T12:00:00Z"}
    payload = json.dumps(facts).encode()
    document = {
        "format": "skold-tombstone-1",
        "key_id": key_id,
        "payload": base64.b64encode(payload).decode(),
        "signature": base64.b64encode(key.sign(b"skold/tombstone/v1\0" + payload)).decode(),
    }
    return json.dumps(document).encode()


def bury(keys: Keys, erasure_id: bytes, raw: bytes | None = None) -> None:
    """Put a tombstone in the place of the key."""
    name = erasure_id.hex()
    path = keys.folder / "erasure" / name[:2] / name[2:4] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name("new")
    new.write_bytes(tombstone(keys, erasure_id) if raw is None else raw)
    new.replace(path)
