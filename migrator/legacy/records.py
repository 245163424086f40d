"""What a legacy record says about its file."""

from dataclasses import dataclass

from migrator.legacy.description import DigestKind, RecordId


@dataclass(frozen=True, slots=True)
class LegacyRecord:
    """One file as its record describes it. `changed_at_ns`: ns since the epoch, UTC. A time that
    nobody can mean stands in `implausible_time` instead: such a file is read like any other, and
    not imported.

    `length` in bytes of plaintext; `digest` of the plaintext. None where the record says nothing.
    """

    id: RecordId
    key: str
    filename: str | None
    media_type: str
    changed_at_ns: int | None
    owner: str | None
    data_subject: str | None
    length: int | None
    digest: tuple[DigestKind, bytes] | None
    implausible_time: str | None = None


@dataclass(frozen=True, slots=True)
class ReadAlone:
    """Too long for a batch: `LegacyReader.read` streams it. `stored` in bytes."""

    stored: int
