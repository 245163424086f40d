"""What a failure means for whoever called: one line with the way out, and an exit status.

0 done · 1 failed · 2 wrong usage or settings · 3 not found · 4 refused · 5 cannot be reached or
cannot now · 6 damaged · 130 stopped by Ctrl-C · 143 stopped by SIGTERM.
"""

from dataclasses import asdict, dataclass

from contentserver.client import errors

DONE, FAILED, USAGE, NOT_FOUND, REFUSED, UNREACHABLE, DAMAGED = range(7)
STOPPED, TERMINATED = 130, 143

STATUSES = (
    "exit status: 0 done, 1 failed (of a copy: some files), 2 wrong usage or settings,\n"
    "3 not found, 4 refused, 5 the server cannot be reached or cannot do it now,\n"
    "6 damaged on the way, 130 stopped by Ctrl-C, 143 by SIGTERM"
)

_MEANINGS: tuple[tuple[type[errors.ClientError], int, str, str], ...] = (
    (errors.Unauthenticated, REFUSED, "not let in",
     "Check CONTENTSERVER_API_KEY or the config file; the key may have ended"),
    (errors.Erased, NOT_FOUND, "erased", "This is final"),
    (errors.Deleted, NOT_FOUND, "deleted",
     "contentctl versions lists them, get --version reads one"),
    (errors.UploadExpired, NOT_FOUND, "the upload has expired", "Begin again: contentctl stage"),
    (errors.Gone, NOT_FOUND, "gone", ""),
    (errors.NotFound, NOT_FOUND, "not found, or not for this key to know of", ""),
    (errors.PreconditionFailed, REFUSED, "changed meanwhile or there already",
     "Look at it with contentctl head and decide again"),
    (errors.DigestMismatch, DAMAGED, "damaged on the way up", "Nothing was stored; try again"),
    (errors.Damaged, DAMAGED, "damaged on the way down", "Do not use what arrived; try again"),
    (errors.TooManyRequests, UNREACHABLE, "too many requests", "Later again, or with fewer --jobs"),
    (errors.Locked, UNREACHABLE, "held by another request", "Try again in a moment"),
    (errors.NoSpace, UNREACHABLE, "no space left on the server", "Tell its operator"),
    (errors.Unavailable, UNREACHABLE, "the server cannot do it now", "Try again later"),
    (errors.Unreachable, UNREACHABLE, "no answer", "Check CONTENTSERVER_URL and the network"),
    (errors.CheckRefused, REFUSED, "refused by a check of the content", ""),
    (errors.TooLarge, REFUSED, "too large", ""),
    (errors.Conflict, REFUSED, "refused in this state", ""),
    (errors.BadRequest, REFUSED, "refused", ""),
    (errors.ClientError, FAILED, "failed", ""),
)  # fmt: skip

TROUBLE = (errors.ClientError, OSError, ValueError)
"""What befalls a single file: the server, the disk, a name or value that cannot be."""


@dataclass(frozen=True, slots=True)
class Failure:
    """`message` is one line. What the server said of it stands beside, if it said anything."""

    exit_status: int
    message: str
    status: int | None = None
    type: str | None = None
    detail: str | None = None
    request_id: str | None = None

    def as_json(self) -> dict[str, object]:
        return {"error": asdict(self)}


def explain(error: Exception, about: str = "") -> Failure:
    """`about` names the file or address that was asked for."""
    if isinstance(error, errors.ClientError):
        return _of_server(error, about)
    text = _of_system(error) if isinstance(error, OSError) else str(error)
    return Failure(FAILED, _line(about, text))


def _of_server(error: errors.ClientError, about: str) -> Failure:
    exit_status, words, way_out = next(row[1:] for row in _MEANINGS if isinstance(error, row[0]))
    detail = error.detail or (str(error) if error.status is None else "")
    said = ": ".join(part for part in (words, detail) if part)
    said = ". ".join(part for part in (said, way_out) if part)
    request = f" [request {error.request_id}]" if error.request_id else ""
    return Failure(
        exit_status, _line(about, said) + request,
        error.status, error.type, error.detail, error.request_id,
    )  # fmt: skip


def _of_system(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or error}"


def _line(about: str, text: str) -> str:
    return " ".join(f"{about}: {text}".split() if about else text.split())
