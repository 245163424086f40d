"""API callers, known by the same gate as on the data plane."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from skold.api.problems import PolicyUnavailable
from skold.certificate_identity import handed_over
from skold.control import parts
from skold.gate import Anonymous, Principal, Reject, RequestFacts
from skold.limits import Excess
from skold.policy import PolicyInvalid
from skold.principals import HandedCertificate
from skold.proxies import TrustedProxies
from skold.signed import PolicyMissing, PolicyTooOld


@dataclass(frozen=True, slots=True)
class ApiUser:
    """Stands where Django has a user: the client that calls."""

    principal: Principal
    is_authenticated: bool = True
    is_active: bool = True
    pk: None = None

    @property
    def actor(self) -> str:
        """Whom services name as the one who acts."""
        return self.principal.client

    def __str__(self) -> str:
        return self.principal.client


class CredentialRejected(AuthenticationFailed):
    """A credential that does not hold. Why is for the audit only."""

    default_detail = _("Credentials are missing or not valid.")

    def __init__(self, reject: Reject) -> None:
        super().__init__()
        self.reject = reject


class LimitExceeded(Throttled):
    """429: the client, or its address, asks for more than it may."""

    def __init__(self, excess: Excess, principal: Principal) -> None:
        super().__init__(wait=excess.retry_after)
        self.excess = excess
        self.principal = principal


class GateAuthentication(BaseAuthentication):
    """An API key or a token in `Authorization`, or a certificate that the proxy hands over, judged
    by the gate. Signed URLs open files, not this API.
    """

    def authenticate(self, request: Request) -> tuple[ApiUser, Principal] | None:
        """Raises CredentialRejected (401), LimitExceeded (429), PolicyUnavailable (503); None
        without credentials.
        """
        try:
            found = parts.gate().identify(facts_of(request))
        except (PolicyMissing, PolicyTooOld, PolicyInvalid) as error:
            raise PolicyUnavailable from error
        if isinstance(found, Anonymous):
            return None
        if isinstance(found, Reject):
            raise CredentialRejected(found)
        if found.credential_kind == "signed_url":
            raise CredentialRejected(
                Reject("signed_url_on_control_plane", found.credential, found.client)
            )
        address = request.META.get("REMOTE_ADDR", "")
        excess = parts.refusals().exceeds(found, address, parts.gate().policy)
        if excess is not None:
            raise LimitExceeded(excess, found)
        return ApiUser(found), found

    def authenticate_header(self, _request: Request) -> str:
        """Makes DRF answer 401 instead of 403."""
        return "Bearer"


def _certificate_of(request: Request) -> HandedCertificate | None:
    """As the project's middleware found it. Where none ran, nobody's word is believed."""
    if hasattr(request._request, "client_certificate"):
        found: HandedCertificate | None = request._request.client_certificate
        return found
    meta = request.META
    verify, escaped = meta.get("HTTP_X_SSL_CLIENT_VERIFY"), meta.get("HTTP_X_SSL_CLIENT_CERT")
    return handed_over(verify, escaped, None, TrustedProxies(()))


def facts_of(request: Request) -> RequestFacts:
    """What the gate may know of a request."""
    meta = request.META
    return RequestFacts(
        method=request.method or "",
        raw_path=request.path.encode(),
        query=meta.get("QUERY_STRING", "").encode(),
        authorization=meta.get("HTTP_AUTHORIZATION"),
        on_behalf_of=meta.get("HTTP_ON_BEHALF_OF"),
        address=meta.get("REMOTE_ADDR", ""),
        certificate=_certificate_of(request),
    )
