"""The one table that turns what went wrong into an answer (RFC 9457). Nothing else in delivery
chooses an error status.

An exception that is not in the table is a defect of ours: 500, logged with its trace, which the
client never sees.
"""

import logging
from collections.abc import Callable

from contentserver.delivery import errors
from contentserver.delivery.fallback import LegacyDamaged, LegacyUnavailable
from contentserver.protocol.digests import BadDigest
from contentserver.protocol.dispositions import BadDisposition
from contentserver.protocol.keys import BadKey
from contentserver.protocol.media_types import BadMediaType
from contentserver.protocol.problems import Problem, problem
from contentserver.protocol.tus import BadTus
from contentserver.protocol.tus_metadata import BadUploadMetadata
from contentserver.store import errors as store
from skold.journal import JournalUnavailable
from skold.policy import PolicyInvalid
from skold.signed import PolicyMissing, PolicyTooOld
from skold.urls import UrlKeyUnusable

log = logging.getLogger(__name__)

# Details of these would tell a stranger how the machine is built; the operator finds them in the
# log and in /readyz.
_KEPT_BACK = (
    store.Corrupt,
    store.RootMissing,
    store.KeyMissing,
    store.Unavailable,
    UrlKeyUnusable,
    JournalUnavailable,
    PolicyInvalid,
    PolicyMissing,
    PolicyTooOld,
    LegacyUnavailable,
    LegacyDamaged,
)

TABLE: dict[type[Exception], str] = {
    errors.BadRequest: "bad_request",
    errors.Unauthenticated: "unauthenticated",
    errors.Hidden: "not_found",
    errors.Forbidden: "not_found",
    errors.MethodNotAllowed: "method_not_allowed",
    errors.BodyStalled: "body_timeout",
    errors.BodyCut: "bad_request",
    errors.BodyTooLarge: "too_large",
    errors.LengthRequired: "length_required",
    errors.WrongMediaType: "media_type_refused",
    errors.RangeUnsatisfiable: "range_unsatisfiable",
    errors.TooManyRequests: "too_many_requests",
    errors.TakenOver: "upload_locked",
    errors.NotNow: "not_now",
    errors.TusNotOffered: "tus_not_offered",
    BadTus: "bad_request",
    BadUploadMetadata: "bad_metadata",
    errors.Overloaded: "overloaded",
    BadKey: "bad_key",
    BadDigest: "bad_digest",
    BadDisposition: "bad_metadata",
    BadMediaType: "bad_metadata",
    store.BadMetadata: "bad_metadata",
    store.NotStored: "not_found",
    store.OutsideYears: "not_found",
    store.Deleted: "deleted",
    store.Erased: "erased",
    store.PreconditionFailed: "precondition_failed",
    store.TooLarge: "too_large",
    store.DigestMismatch: "digest_mismatch",
    store.Refused: "check_refused",
    store.ChecksumMismatch: "checksum_mismatch",
    store.WrongOffset: "wrong_offset",
    store.UploadUnknown: "not_found",
    store.UploadExpired: "upload_expired",
    store.UploadIncomplete: "upload_incomplete",
    store.UploadLocked: "upload_locked",
    store.YearSealed: "year_sealed",
    store.YearNotOpen: "year_not_open",
    store.ImplausibleTime: "implausible_time",
    store.NoSpace: "no_space",
    store.Corrupt: "file_damaged",
    store.KeyMissing: "key_missing",
    store.RootMissing: "storage_unavailable",
    store.SlotTaken: "storage_unavailable",
    store.VersionGap: "storage_unavailable",
    store.CheckUnavailable: "check_unavailable",
    store.Unavailable: "storage_unavailable",
    UrlKeyUnusable: "key_missing",
    errors.SubjectErased: "subject_erased",
    errors.NotAsExpected: "precondition_failed",
    errors.WrittenInLegacy: "written_in_legacy",
    LegacyUnavailable: "legacy_unavailable",
    LegacyDamaged: "legacy_damaged",
    JournalUnavailable: "not_recorded",
    PolicyInvalid: "policy_unavailable",
    PolicyMissing: "policy_unavailable",
    PolicyTooOld: "policy_unavailable",
}
RETRY_AFTER = {423: b"1", 503: b"2"}


def to_problem(error: Exception) -> Problem:
    """The answer to `error`; 500 and a line in the log for one nobody expected."""
    for kind in type(error).__mro__:
        slug = TABLE.get(kind)
        if slug is not None:
            if isinstance(error, _KEPT_BACK):
                log.error("%s: %s", slug, error)
                return problem(slug)
            # Absent and forbidden must not be told apart by their words either.
            return problem(slug) if slug == "not_found" else problem(slug, str(error))
    log.error("unexpected error", exc_info=error)
    return problem("internal_error")


def headers_of(answer: Problem, error: Exception) -> list[tuple[bytes, bytes]]:
    """Headers that belong to the status: Retry-After, WWW-Authenticate, Allow, Content-Range,
    ETag.
    """
    headers: list[tuple[bytes, bytes]] = []
    if answer.status in RETRY_AFTER:
        headers.append((b"retry-after", RETRY_AFTER[answer.status]))
    if answer.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="contentserver"'))
    extra: Callable[[], list[tuple[bytes, bytes]]] | None = getattr(error, "headers", None)
    if extra is not None:
        headers += extra()
    if getattr(error, "close", False):
        headers.append((b"connection", b"close"))
    return headers
