"""Preconditions of a commit and the rule of the same bytes, judged against the latest version.

They are asked while the file's address is locked, so no other commit comes between answer and act.
RFC 9110, sections 13.1 and 13.2.2.
"""

from collections.abc import Container
from dataclasses import dataclass

from contentserver.store.address import Version
from contentserver.store.errors import Deleted, NotStored, OutsideYears, PreconditionFailed
from contentserver.store.metadata import Metadata
from contentserver.store.results import VersionInfo

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Latest:
    """The latest version. `info` is None if its header does not open: `erased`, or damaged."""

    version: Version
    deleted: bool
    info: VersionInfo | None
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for a commit. Entity tags are quoted, as sent; `("*",)` is any version.

    `if_unmodified_since`: seconds since the epoch. `same_bytes_ok`: a repetition of the latest
    version makes no new one. `years`: those of which the new version, and one that a delete marker
    hides or a repetition is answered with, may be; None for all.
    """

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None
    if_unmodified_since: int | None = None
    same_bytes_ok: bool = False
    years: Container[int] | None = None

    def check(self, latest: Latest | None, *, deleting: bool = False) -> None:
        """Raise PreconditionFailed unless all hold. A deleted file counts as none.

        `deleting` where there is nothing to delete raises NotStored or Deleted.
        """
        if deleting and latest is None:
            raise NotStored
        if deleting and latest is not None:
            self.check_year(latest.version)
        if deleting and latest is not None and latest.deleted:
            raise Deleted(latest.version)
        if not self._hold(None if latest is None or latest.deleted else latest):
            raise PreconditionFailed(None if latest is None else latest.version)

    def check_year(self, version: Version) -> None:
        """Raise OutsideYears for a version of another year."""
        if self.years is not None and version.year not in self.years:
            raise OutsideYears(version.year)

    def may_repeat(self, latest: Latest | None) -> bool:
        """Whether a repetition of the latest version may be answered with it."""
        if latest is None or not self.same_bytes_ok:
            return False
        return self.years is None or latest.version.year in self.years

    def _hold(self, standing: Latest | None) -> bool:
        if self.if_match is not None:
            if not _matches(self.if_match, standing):
                return False
        elif self.if_unmodified_since is not None and not self._unmodified(standing):
            return False
        return self.if_none_match is None or not _matches(_weak(self.if_none_match), standing)

    def _unmodified(self, standing: Latest | None) -> bool:
        if standing is None or standing.info is None or self.if_unmodified_since is None:
            return False
        return standing.info.modified_ns // _NS <= self.if_unmodified_since


def find_same(latest: Latest | None, metadata: Metadata, sha256: bytes) -> VersionInfo | None:
    """The latest version, if a commit would only repeat it.

    Bytes, media type, filename, data subject and custom metadata are equal.
    """
    if latest is None or latest.info is None or latest.deleted or latest.info.sha256 != sha256:
        return None
    there = latest.info.metadata
    same = (
        there.media_type == metadata.media_type
        and there.filename == metadata.filename
        and there.data_subject == metadata.data_subject
        and dict(there.custom or {}) == dict(metadata.custom or {})
    )
    return latest.info if same else None


def _matches(tags: tuple[str, ...], standing: Latest | None) -> bool:
    if standing is None:
        return False
    return "*" in tags or (standing.info is not None and standing.info.etag in tags)


def _weak(tags: tuple[str, ...]) -> tuple[str, ...]:
    """If-None-Match compares weakly: W/ does not matter."""
    return tuple(tag.removeprefix("W/") for tag in tags)
