"""Errors of the API as RFC 9457 problem details; never a trace."""

import logging
import math
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DataError
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response

from skold.control import parts

log = logging.getLogger(__name__)
_NOT_KEPT = _("A value holds what cannot be kept here: a NUL, or a time out of range.")
CONTENT_TYPE = "application/problem+json"
SLUGS: Mapping[int, str] = {
    400: "bad_request",
    401: "unauthenticated",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    415: "media_type_refused",
    429: "too_many_requests",
}


class PolicyUnavailable(exceptions.APIException):
    """Nobody can be let in, because the policy is missing or too old."""

    status_code = 503
    default_detail = _("The policy is missing or too old; is the bridge running?")
    default_code = "policy_unavailable"


class NotRecorded(exceptions.APIException):
    """The access was not made, because it cannot be recorded."""

    status_code = 503
    default_detail = _("The access cannot be recorded, so it was not made. Try again.")
    default_code = "not_recorded"


def problem_handler(error: Exception, _context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler of guarded views; None leaves an error to Django (500)."""
    api_error = _as_api_error(error)
    if api_error is None:
        return None
    status = api_error.status_code
    titles = parts.problem_titles()
    slug = api_error.default_code
    if slug not in titles:
        slug = SLUGS.get(status, "bad_request")
    body: dict[str, Any] = {"type": parts.problem_base() + slug, "status": status}
    body["title"] = titles[slug]
    if isinstance(api_error.detail, list | dict):
        body["errors"] = api_error.detail
    else:
        body["detail"] = str(api_error.detail)
    return Response(body, status=status, headers=_headers(api_error), content_type=CONTENT_TYPE)


def _as_api_error(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.APIException):
        return error
    # Absent and forbidden look the same from outside.
    if isinstance(error, Http404 | PermissionDenied):
        return exceptions.NotFound()
    if isinstance(error, DataError):
        log.warning("value_beyond_the_database", exc_info=error)
        return exceptions.ValidationError({"detail": [_NOT_KEPT]})
    if isinstance(error, ValidationError):
        return exceptions.ValidationError(detail=_messages(error))
    return None


def _messages(error: ValidationError) -> Any:
    return error.message_dict if hasattr(error, "error_dict") else {"detail": error.messages}


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if isinstance(error, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(math.ceil(wait))
    if error.status_code == 503:
        headers["Retry-After"] = "5"
    return headers
