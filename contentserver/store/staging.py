"""What is written down about an upload: its info, encrypted, beside its parts.

```
staging/<upload id>/   lock   info   part.1 part.2 …   room   body   receipt
staging/<random>.put   the body of an upload that one request stages and commits; its own lock
info, receipt = "SKU1" ‖ BE32 kek_id ‖ nonce[12] ‖ AES-256-GCM(key, nonce, JSON, AAD)
key           = X(YK, "skold/staging/v1\\0"), YK being the year key of that kek_id
AAD           = upload id[16] for the info, upload id ‖ "receipt" for the receipt
```
`info` is replaced durably at creation and at the end of every part; an offset is acknowledged only
after that. What lies in `part.N` beyond the info is a torn part.
"""

import base64
import json
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from contentserver.store import fileops
from contentserver.store.derive import staging_key, unwrap, wrap
from contentserver.store.errors import BadMetadata, Corrupt
from contentserver.store.keyset import Keyset
from contentserver.store.metadata import Metadata

MAGIC = b"SKU1"
FORMAT = "skold-upload-1"
INFO, RECEIPT, BODY = "info", "receipt", "body"
_PREFIX = 8
_OPTIONAL = ("client_metadata", "refused")


@dataclass(frozen=True, slots=True)
class PartInfo:
    """A finished part. `size`: bytes of plaintext; `ended`: its last segment is there.

    The digests, in hex, of its plaintext and of its stream are None for a salvaged part.
    """

    size: int
    ended: bool
    plain_sha256: str | None = None
    body_sha256: str | None = None

    @property
    def is_body(self) -> bool:
        """Whether it is a whole stream whose digests are known."""
        return self.ended and None not in {self.plain_sha256, self.body_sha256}


def with_part(parts: list[PartInfo], part: PartInfo) -> list[PartInfo]:
    """The parts and one more. Digests are of use to an only part alone, so several leave theirs
    out: an info of 10,000 parts stays below 1 MiB.
    """
    if not parts:
        return [part]
    return [PartInfo(each.size, each.ended) for each in (*parts, part)]


@dataclass(slots=True, kw_only=True)
class UploadInfo:
    """All that another process needs to go on with an upload. Times are ns since the epoch.

    `client_metadata` is the header Upload-Metadata as it was sent, for its answers alone; `refused`
    the reason of a commit check that did not let the upload in.
    """

    id: UUID
    actor: str
    metadata: Metadata
    length: int | None
    commit_auto: bool
    created_at_ns: int
    expires_at_ns: int
    header_len: int
    file_id: bytes
    dek: bytes
    upload_key: bytes
    parts: list[PartInfo] = field(default_factory=list)
    client_metadata: str | None = None
    refused: str | None = None

    @property
    def offset(self) -> int:
        """Bytes of plaintext in the finished parts."""
        return sum(part.size for part in self.parts)

    @property
    def is_complete(self) -> bool:
        """Whether all announced bytes are there."""
        return self.length == self.offset

    @property
    def is_whole(self) -> bool:
        """Whether its only part can be the file's body as it stands."""
        return self.is_complete and len(self.parts) == 1 and self.parts[0].is_body

    def to_json(self) -> bytes:
        facts: dict[str, Any] = {
            "format": FORMAT,
            "actor": self.actor,
            "metadata": self.metadata.to_json().decode(),
            "length": self.length,
            "commit_auto": self.commit_auto,
            "created_at_ns": self.created_at_ns,
            "expires_at_ns": self.expires_at_ns,
            "header_len": self.header_len,
            "file_id": self.file_id.hex(),
            "dek": base64.b64encode(self.dek).decode(),
            "upload_key": base64.b64encode(self.upload_key).decode(),
            "parts": [asdict(part) for part in self.parts],
        }
        for name in _OPTIONAL:
            if getattr(self, name) is not None:
                facts[name] = getattr(self, name)
        return json.dumps(facts, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def from_json(cls, upload_id: UUID, raw: bytes) -> "UploadInfo":
        """What `to_json` wrote. Raises Corrupt."""
        try:
            facts = read_document(raw, FORMAT)
            return cls(
                id=upload_id,
                actor=facts["actor"],
                metadata=Metadata.from_json(facts["metadata"].encode()),
                length=facts["length"],
                commit_auto=facts["commit_auto"],
                created_at_ns=facts["created_at_ns"],
                expires_at_ns=facts["expires_at_ns"],
                header_len=facts["header_len"],
                file_id=bytes.fromhex(facts["file_id"]),
                dek=base64.b64decode(facts["dek"]),
                upload_key=base64.b64decode(facts["upload_key"]),
                parts=[PartInfo(**part) for part in facts["parts"]],
                **{name: facts.get(name) for name in _OPTIONAL},
            )
        except (ValueError, KeyError, TypeError, BadMetadata) as error:
            raise Corrupt(f"the info of upload {upload_id} cannot be read: {error!r}") from error


def write_info(dir_fd: int, info: UploadInfo, keyset: Keyset, year: int) -> None:
    """Write the info durably, under the newest key of `year`."""
    sealed = seal(info.to_json(), keyset, year, info.id.bytes)
    fileops.replace_durably(dir_fd, INFO, sealed, step="info")


def find_info(dir_fd: int, upload_id: UUID, keyset: Keyset) -> UploadInfo | None:
    """The upload's info, None if there is none (yet). Raises Corrupt, KeyMissing."""
    sealed = fileops.read_file(dir_fd, INFO)
    if sealed is None:
        return None
    return UploadInfo.from_json(
        upload_id, unseal(sealed, keyset, upload_id.bytes, "an upload's info")
    )


def find_id(name: str) -> UUID | None:
    """The id of the upload whose folder this is; None for a stranger's, which is left alone."""
    try:
        upload_id = UUID(name)
    except ValueError:
        return None
    return upload_id if str(upload_id) == name else None


def read_document(raw: bytes, form: str) -> dict[str, Any]:
    """The JSON object of this `format`. Raises ValueError."""
    facts = json.loads(raw)
    if not isinstance(facts, dict) or facts.get("format") != form:
        raise ValueError(f"it is not of the format {form}")
    return facts


def seal(plain: bytes, keyset: Keyset, year: int, aad: bytes) -> bytes:
    """A staging document under the newest key of `year`. Raises KeyMissing."""
    kek_id, year_key = keyset.newest_year_key(year)
    return MAGIC + kek_id.to_bytes(4, "big") + wrap(staging_key(year_key), plain, aad)


def unseal(sealed: bytes, keyset: Keyset, aad: bytes, what: str) -> bytes:
    """What `seal` was given. Raises Corrupt naming `what`, and KeyMissing."""
    if sealed[:4] != MAGIC:
        raise Corrupt(f"{what} is not of this format")
    year_key = keyset.year_key(int.from_bytes(sealed[4:_PREFIX], "big"))
    return unwrap(staging_key(year_key), sealed[_PREFIX:], aad, what)
