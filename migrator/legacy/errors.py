"""What can be wrong with a legacy record. Each error has a name that stays."""

from typing import ClassVar


class LegacyError(Exception):
    """A legacy record that cannot be taken as it is. `detail` says what was found, without bytes
    of the file.
    """

    name: ClassVar[str] = "unreadable"
    way_out: ClassVar[str] = "Look at the record with the legacy application."

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


class Unreadable(LegacyError):
    """The codec finds no valid data."""

    way_out = "Compare the codec in the description with what the application writes."


class ChunkMissing(LegacyError):
    """The order of the chunks has a gap, or does not begin where it should."""

    name = "chunk_missing"
    way_out = "Upload the file anew, or restore the row from a backup of the legacy database."


class ChunkDoubled(LegacyError):
    """Two chunks have the same place."""

    name = "chunk_doubled"
    way_out = "Remove the row that does not belong to the file."


class Torn(LegacyError):
    """The compressed data ends in the middle."""

    name = "torn"
    way_out = "Upload the file anew, or restore it from a backup of the legacy database."


class TrailingData(LegacyError):
    """Bytes follow behind the end of the compressed data."""

    name = "trailing_data"
    way_out = "Compare codec and scope in the description with what the application writes."


class WrongLength(LegacyError):
    """The content is not as long as the record declares."""

    name = "wrong_length"
    way_out = "Upload the file anew, or correct the declared length."


class WrongDigest(LegacyError):
    """The content does not have the digest that the record declares."""

    name = "wrong_digest"
    way_out = "Upload the file anew, or restore it from a backup of the legacy database."


class Empty(LegacyError):
    """There is no content, and the record does not declare length 0."""

    name = "empty"
    way_out = "Upload the file, delete the record, or set empty_allowed in the description."


class ObjectMissing(LegacyError):
    """The record names a large object that is not there."""

    name = "object_missing"
    way_out = "Restore the large object from a backup, or delete the record."


class TooLarge(LegacyError):
    """The content exceeds max_size, or what the database can hold."""

    name = "too_large"
    way_out = "Raise max_size in the description if the file is meant to be that large."


class ImplausibleTime(LegacyError):
    """The time of change is before 1970 or in the future."""

    name = "implausible_time"
    way_out = "Correct the time in the legacy record."


class BadKey(LegacyError):
    """The record leads to no key that could be stored, or to one that does not lead back."""

    name = "bad_key"
    way_out = "Choose another key template, or correct the record's key."


class BadFact(LegacyError):
    """Length or digest is declared in a way that cannot be read."""

    name = "bad_fact"
    way_out = "Correct the value, or leave the column out of the description."


ERRORS: tuple[type[LegacyError], ...] = (
    Unreadable,
    ChunkMissing,
    ChunkDoubled,
    Torn,
    TrailingData,
    WrongLength,
    WrongDigest,
    Empty,
    ObjectMissing,
    TooLarge,
    ImplausibleTime,
    BadKey,
    BadFact,
)
