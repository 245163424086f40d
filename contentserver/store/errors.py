"""What can go wrong in the store, one plain exception for each situation.

Delivery holds the one table that turns these into HTTP answers. Messages name what is wrong and
the way out; none carries key material or the content of a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contentserver.store.address import Version


class StoreError(Exception):
    """Base of everything the store raises on purpose."""


class NotStored(StoreError):
    """No version of the file stands where it was asked for."""

    def __init__(self, message: str = "no version of this file is stored") -> None:
        super().__init__(message)


class Deleted(StoreError):
    """The version that answers is a delete marker."""

    def __init__(self, version: Version) -> None:
        super().__init__(
            f"the file was deleted by version {version}; earlier versions stay readable"
        )
        self.version = version


class OutsideYears(StoreError):
    """The version is, or would be, of a year that the caller has no part in."""

    def __init__(self, year: int | None = None) -> None:
        super().__init__(f"the year {year} is none of those asked for" if year else "no such year")
        self.year = year


class SlotTaken(StoreError):
    """The name of this version exists already; no version is ever overwritten."""


class Corrupt(StoreError):
    """Stored bytes are not what was written: they did not authenticate, or their size is wrong."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WrongOffset(StoreError):
    """Bytes were sent for another offset than the upload stands at."""

    def __init__(self, expected: int) -> None:
        super().__init__(f"the upload stands at offset {expected}; send from there")
        self.expected = expected


class UploadLocked(StoreError):
    """Another request holds the upload and does not yield."""

    def __init__(
        self, message: str = "another request holds this upload; try again shortly"
    ) -> None:
        super().__init__(message)


class UploadUnknown(StoreError):
    """No upload of this id is known here."""

    def __init__(self, message: str = "no upload of this id is known; create a new one") -> None:
        super().__init__(message)


class UploadExpired(StoreError):
    """The upload was not committed in time and is gone."""

    def __init__(
        self, message: str = "the upload expired before its commit; create a new one"
    ) -> None:
        super().__init__(message)


class UploadIncomplete(StoreError):
    """A commit was asked for before all announced bytes had arrived."""

    def __init__(self, message: str = "the upload lacks bytes; send the rest, then commit") -> None:
        super().__init__(message)


class TooLarge(StoreError):
    """More bytes than were announced, or than the collection allows."""


class DigestMismatch(StoreError):
    """The SHA-256 of the received bytes is not the one declared."""

    def __init__(
        self, message: str = "the bytes received do not have the declared SHA-256"
    ) -> None:
        super().__init__(message)


class Refused(StoreError):
    """A commit check does not let the file in. The reason is for the client, and for the audit."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChecksumMismatch(StoreError):
    """The checksum of one part is not the one declared; the upload's offset has not moved."""

    def __init__(
        self, message: str = "the part does not have the declared checksum; send it again"
    ) -> None:
        super().__init__(message)


class PreconditionFailed(StoreError):
    """If-Match or If-None-Match does not hold; `current` is the latest version, if any."""

    def __init__(self, current: Version | None) -> None:
        latest = "no version" if current is None else f"version {current}"
        super().__init__(f"the condition does not hold: {latest} is the latest")
        self.current = current


class LatestChanged(StoreError):
    """An import rests on a latest version that is not the latest any more: begin it again."""

    def __init__(self, current: Version | None) -> None:
        latest = "none" if current is None else str(current)
        super().__init__(f"the latest version is {latest} by now; read the source again")
        self.current = current


class YearNotOpen(StoreError):
    """The layout names no place for this year."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the year {year} is not open; open it with: manage.py open_year {year}")
        self.year = year


class YearSealed(StoreError):
    """The year takes nothing any more."""

    def __init__(self, year: int) -> None:
        super().__init__(f"the year {year} is sealed and takes nothing any more")
        self.year = year


class ImplausibleTime(StoreError):
    """A time lies outside the years that the layout names."""

    def __init__(self, year: int, reason: str | None = None) -> None:
        way_out = (
            f"; correct the time, or let the year take imports with:"
            f" manage.py open_year {year} --importing"
        )
        super().__init__(
            f"the time lies in {year}: " + (reason or f"the layout has no such year{way_out}")
        )
        self.year = year


class RootMissing(StoreError):
    """A storage root that the layout needs is not there: this tells nothing about any file."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the storage root {name} is not there; mount it, or correct the layout")
        self.name = name


class KeyMissing(StoreError):
    """A key is in neither keyset nor folder of erasure keys. Never answered as an absent file."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"the key {key_id} is missing; restore it from the key backup")
        self.key_id = key_id


class Erased(StoreError):
    """A signed tombstone stands in the place of the data subject's erasure key."""

    def __init__(self, message: str = "the files of this data subject were erased") -> None:
        super().__init__(message)


class NoSpace(StoreError):
    """The storage root has no room, or no inodes, left."""


class BadMetadata(StoreError):
    """A declared field cannot be stored as it is."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class VersionGap(StoreError):
    """Version n was to be written and n - 1 is not there."""


class Unavailable(StoreError):
    """The store cannot answer now; the same request may succeed later."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CheckUnavailable(Unavailable):
    """A commit check cannot tell now, so nothing is stored; the same request may succeed later."""
