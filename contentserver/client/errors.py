"""What a server answers instead of what was asked for, and what befalls bytes on the way.

Every error is a `ClientError`. Which class stands for which problem is one table: the server's
problem types (docs/http.md, RFC 9457) first, the status where no problem type came along.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

TYPE_BASE: Final = "https://contentserver.example/problems/"


class ClientError(Exception):
    """`status` is None where no answer came; `type` is the name of the problem, as docs/http.md
    lists it; `request_id` finds the request in the server's log and audit; `members` are further
    members of the problem, `errors` for example. `answer_lost`: this or an earlier attempt may have
    been carried out, and its answer did not arrive.
    """

    def __init__(
        self,
        detail: str = "",
        *,
        status: int | None = None,
        type: str | None = None,  # noqa: A002 - the member's name in RFC 9457
        title: str = "",
        request_id: str | None = None,
        retry_after: float | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.type = type
        self.title = title
        self.detail = detail
        self.request_id = request_id
        self.retry_after = retry_after
        self.members: Mapping[str, Any] = members or {}
        self.answer_lost = False

    def __str__(self) -> str:
        said = ": ".join(filter(None, (self.title, self.detail))) or "no answer"
        known = [str(self.status)] if self.status else []
        known += [f"request {self.request_id}"] if self.request_id else []
        return f"{said} ({', '.join(known)})" if known else said


class BadRequest(ClientError):
    """400, 405, 406, 411, 415: the request has to be corrected; `detail` names what."""


class Unauthenticated(ClientError):
    """401: no credential, or one that does not hold."""


class NotFound(ClientError):
    """404: there is no such thing, or the client may not know of it."""


class Gone(ClientError):
    """410: it was there."""


class Deleted(Gone):
    """The version that answers is a delete marker; earlier versions can be read."""


class Erased(Gone):
    """The person the file is about was erased. This is final."""


class UploadExpired(Gone):
    """The upload was not committed in time; begin again."""


class FeedRenewed(Gone):
    """Numbers of the change feed mean other changes now; begin again without `after`."""


class Conflict(ClientError):
    """409: the state of the resource does not allow this; `detail` says why."""


class WrongOffset(Conflict):
    """The upload stands at another offset; `Upload.refresh()` tells which."""


class PreconditionFailed(ClientError):
    """412: If-Match, If-None-Match or If-Unmodified-Since does not hold."""


class TooLarge(ClientError):
    """413: longer than the collection allows, or than was announced."""


class RangeNotSatisfiable(ClientError):
    """416: the file has no byte of the range."""


class DigestMismatch(ClientError):
    """422, 460, or no status: what the server has is not what was sent."""


class CheckRefused(ClientError):
    """422: a check of the server refused the content; `detail` says why."""


class Locked(ClientError):
    """423: another request holds the upload."""


class TooManyRequests(ClientError):
    """429: `retry_after` seconds until there is room."""


class NoSpace(ClientError):
    """507: the operator has to make room."""


class Unavailable(ClientError):
    """408, 5xx: the server cannot answer this now, or failed."""


class Unreachable(ClientError):
    """No answer came: no connection, or one that broke. The request may have been carried out."""


class Damaged(ClientError):
    """The bytes received do not have the digest of the file. Nothing of them can be relied on."""


BY_TYPE: Final[Mapping[str, type[ClientError]]] = {
    "deleted": Deleted,
    "erased": Erased,
    "subject_erased": Erased,
    "upload_expired": UploadExpired,
    "feed_renewed": FeedRenewed,
    "wrong_offset": WrongOffset,
    "digest_mismatch": DigestMismatch,
    "checksum_mismatch": DigestMismatch,
    "check_refused": CheckRefused,
}
BY_STATUS: Final[Mapping[int, type[ClientError]]] = {
    401: Unauthenticated,
    404: NotFound,
    408: Unavailable,
    409: Conflict,
    410: Gone,
    412: PreconditionFailed,
    413: TooLarge,
    416: RangeNotSatisfiable,
    423: Locked,
    429: TooManyRequests,
    460: DigestMismatch,
    507: NoSpace,
}


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ClientError:
    """The error that an answer of `status` 400 or more stands for. Header names are lower case.
    A body that is no problem document is not shown: it may be a proxy's page.
    """
    members = _members(headers, body)
    name = str(members.pop("type", "")).removeprefix(TYPE_BASE) or None
    title, detail = str(members.pop("title", "")), str(members.pop("detail", ""))
    members.pop("status", None)
    return _class_of(status, name)(
        detail,
        status=status,
        type=name,
        title=title or f"the server answered {status}",
        request_id=headers.get("x-request-id"),
        retry_after=seconds_of(headers.get("retry-after")),
        members=members,
    )


def _class_of(status: int, name: str | None) -> type[ClientError]:
    known = BY_TYPE.get(name or "") or BY_STATUS.get(status)
    if known is not None:
        return known
    return Unavailable if status >= 500 else BadRequest


def _members(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    if not headers.get("content-type", "").startswith("application/problem+json"):
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def seconds_of(retry_after: str | None) -> float | None:
    """Retry-After in its form of seconds (RFC 9110 section 10.2.3); None where absent or a date."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdigit():
        return None
    return float(retry_after[:9])
