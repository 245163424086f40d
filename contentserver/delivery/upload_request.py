"""What every request below /v1/uploads has in common: its headers, and what its answers carry."""

from contentserver.delivery.cors import Headers, find_header
from contentserver.delivery.errors import NotNow, TusNotOffered
from contentserver.delivery.parts import Parts
from contentserver.delivery.request import Request
from contentserver.protocol import tus
from contentserver.protocol.dates import format_http_date
from contentserver.store.results import Receipt

PATH = b"/v1/uploads"
_NS = 1_000_000_000


def is_upload(raw_path: bytes) -> bool:
    """Whether the path is /v1/uploads or below it."""
    return raw_path.startswith(PATH) and raw_path[len(PATH) : len(PATH) + 1] in {b"", b"/"}


def take_override(request: Request) -> None:
    """Let X-HTTP-Method-Override name the method, before anybody is judged by it."""
    given = find_header(request.pairs, b"x-http-method-override")
    request.method = tus.method_of(given.decode("latin-1") if given else None, request.method)


def marks_of(request: Request, parts: Parts) -> Headers:
    """ "The Tus-Resumable header MUST be included in every request and response", in refusals too;
    and what a page of another origin needs.
    """
    return [(b"tus-resumable", tus.VERSION.encode()), *parts.cors.marks(request.pairs)]


def check_tus(request: Request) -> None:
    """Raise TusNotOffered for another version, or none, and for an extension that is not there."""
    headers = request.headers
    try:
        tus.check_version(headers.get("tus-resumable"))
    except tus.NotOffered as error:
        raise TusNotOffered(str(error)) from None
    if "upload-concat" in headers:
        raise TusNotOffered("the extension concatenation is not offered; leave Upload-Concat out")
    if "upload-checksum" in headers.get("trailer", "").lower():
        raise TusNotOffered(
            "the extension checksum-trailer is not offered; send Upload-Checksum before the body"
        )


def soften(request: Request, error: Exception, status: int, *, known: bool) -> Exception:
    """NotNow for HEAD of an upload where the server cannot answer now, whatever keeps it from it;
    else the error itself. `known`: the credential holds.

    A tus client that meets any other failure there forgets the upload and begins a new one; 423 it
    takes for an upload that is locked, and asks again.
    """
    if request.method != "HEAD" or not is_upload(request.raw_path):
        return error
    if status >= 500 or (status == 429 and known):
        return NotNow("the server cannot answer now; ask again")
    return error


def expires_header(expires_at_ns: int) -> tuple[bytes, bytes]:
    return b"upload-expires", format_http_date(expires_at_ns // _NS).encode()


def offset_header(offset: int) -> tuple[bytes, bytes]:
    return b"upload-offset", b"%d" % offset


def version_headers(receipt: Receipt) -> Headers:
    """Which version an upload has become."""
    return [(b"x-version", str(receipt.version).encode()), (b"etag", receipt.etag.encode())]
