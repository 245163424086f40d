"""What every answer of the control plane has in common.

An id, headers that protect, and a clear word when the database is away.
"""

import re
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from whitenoise.middleware import WhiteNoiseMiddleware

from contentserver.bodies import LARGEST, too_long
from contentserver.planes import PEER
from contentserver.protocol.problems import CONTENT_TYPE, problem
from skold.certificate_identity import handed_over
from skold.proxies import TrustedProxies

GetResponse = Callable[[HttpRequest], HttpResponse]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# unfold's Alpine evaluates expressions and sets styles; no other origin is ever asked.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)


class ProxyMiddleware:
    """What our own proxies say of the caller: address and client certificate.

    uvicorn has rewritten the address already; a WSGI server has not.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._proxies = TrustedProxies(settings.CONFIG.trusted_proxies)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if isinstance(request, ASGIRequest):
            peer = request.scope.get(PEER)
        else:
            peer = meta.get("REMOTE_ADDR", "")
            meta["REMOTE_ADDR"] = self._proxies.find_caller(peer, meta.get("HTTP_X_FORWARDED_FOR"))
        request.client_certificate = handed_over(  # type: ignore[attr-defined]
            meta.get("HTTP_X_SSL_CLIENT_VERIFY"),
            meta.get("HTTP_X_SSL_CLIENT_CERT"),
            peer,
            self._proxies,
        )
        return self.get_response(request)


class RequestIdMiddleware:
    """Takes a well-formed X-Request-Id from the caller, else makes one; it is in the answer and on
    every log line.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())
        request.request_id = request_id  # type: ignore[attr-defined]
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class ShortBodiesMiddleware:
    """413 for a body above the limit, before anything reads it. Under ASGI, where it was read
    already, contentserver.bodies stands in front of Django.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isascii() and announced.isdigit() and int(announced[:18]) > LARGEST:
            told = too_long()
            return HttpResponse(told.to_json(), status=told.status, content_type=CONTENT_TYPE)
        return self.get_response(request)


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # it has no types
    """WhiteNoise under both kinds of server: ASGI would read the file whole anyway, and warn."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        response = WhiteNoiseMiddleware.serve(static_file, request)
        if not isinstance(request, ASGIRequest):
            return response  # type: ignore[no-any-return]
        whole = HttpResponse(b"".join(response), status=response.status_code)
        whole.headers = response.headers
        response.close()
        return whole


class DatabaseDownMiddleware:
    """Turns an unreachable PostgreSQL into 503 with Retry-After; the data plane goes on. What
    PostgreSQL cannot hold is 400.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, _request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DataError):
            structlog.get_logger(__name__).warning("value_beyond_the_database", exc_info=exception)
            text = _("A value holds what cannot be kept here: a NUL, or a time out of range.")
            return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        structlog.get_logger(__name__).warning("database_unavailable", error=str(exception))
        return unavailable()


class ContentSecurityPolicyMiddleware:
    """Sets the policy of the admin's pages where a view has not set a stricter one."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        return response


def unavailable() -> HttpResponse:
    """503 as RFC 9457 problem details."""
    told = problem(
        "database_unavailable",
        _("Reads and uploads go on; listing, search and administration wait. Try again."),
    )
    return HttpResponse(
        told.to_json(),
        status=told.status,
        content_type=CONTENT_TYPE,
        headers={"Retry-After": "5"},
    )
