"""Problem details (RFC 9457): every error, in one table. docs/http.md lists the same rows.

A `type` is an identifier and never changes once released. Its host lies in a top-level domain that
is reserved for ever (RFC 2606), so nobody can come to own it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CONTENT_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "https://contentserver.example/problems/"

_ROWS: Final = """
400 bad_request           The request cannot be understood
400 bad_key               The key or collection is not a valid name
400 bad_metadata          A field of the file's metadata is not valid
400 bad_digest            The digest field cannot be read
401 unauthenticated       Credentials are missing or not valid
404 not_found             There is no such file
405 method_not_allowed    This address does not know the method
406 not_acceptable        The answer has no such form
408 body_timeout          The body came too slowly
409 conflict              The state of the resource does not allow this
409 upload_incomplete     The upload has not received all its bytes
409 wrong_offset          The offset is not the one the upload stands at
409 year_sealed           The year is sealed
409 written_in_legacy     The legacy system takes the writes of this file
410 deleted               The file was deleted
410 erased                The file was erased
410 feed_renewed          The change feed was numbered anew
410 subject_erased        The data subject was erased
410 upload_expired        The upload has expired
411 length_required       Content-Length is required
412 precondition_failed   A precondition does not hold
412 tus_not_offered       This version or extension of tus is not offered
413 too_large             The body is larger than allowed
415 media_type_refused    The media type is not allowed here
416 range_unsatisfiable   The file has no byte of the range
422 check_refused         A check of the content does not let the file in
422 digest_mismatch       The bytes do not have the digest that was declared
422 implausible_time      The time lies outside the opened years
423 upload_locked         Another request holds the upload
423 not_now               The server cannot answer now
429 too_many_requests     Too many requests
460 checksum_mismatch     The bytes do not have the checksum that was declared
500 internal_error        The server failed
503 not_recorded          The access cannot be recorded
503 policy_unavailable    The policy is missing or too old
503 key_missing           A key that the file needs is missing
503 check_unavailable     A check of the content cannot be made now
503 storage_unavailable   The storage cannot be used
503 link_unavailable      No link can be signed now
503 ledger_unavailable    The audit ledger cannot be read
503 database_unavailable  The database does not answer
503 search_too_wide       The search cannot be answered in time
503 file_damaged          The stored file is damaged
503 legacy_unavailable    The legacy database does not answer
503 legacy_damaged        The legacy record cannot be read
503 year_not_open         The year has not been opened
503 overloaded            The server is at its limit
507 no_space              There is no space left
"""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One row of the table."""

    slug: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The absolute `type` URL."""
        return TYPE_BASE + self.slug


def _row(line: str) -> ProblemType:
    status, slug, title = line.split(None, 2)
    return ProblemType(slug, int(status), title)


PROBLEM_TYPES: Final[Mapping[str, ProblemType]] = {
    row.slug: row for row in map(_row, _ROWS.strip().splitlines())
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One error: `detail` tells what is wrong and the way out; `extra` adds further members."""

    status: int
    type_slug: str
    title: str
    detail: str = ""
    extra: Mapping[str, str | int | None] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The body, UTF-8. Members of `extra` never replace the standard ones."""
        members: dict[str, str | int | None] = dict(self.extra)
        members |= {"type": TYPE_BASE + self.type_slug, "title": self.title, "status": self.status}
        if self.detail:
            members["detail"] = self.detail
        return json.dumps(members, ensure_ascii=False).encode("utf-8", "backslashreplace")


def problem(slug: str, detail: str = "", **extra: str | int | None) -> Problem:
    """Make the problem of a row. Raises KeyError for a slug that is not in the table."""
    row = PROBLEM_TYPES[slug]
    return Problem(row.status, slug, row.title, detail, extra)
