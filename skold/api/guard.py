"""Views that the gate guards and the journal records.

A guarded view says for each of its actions what a caller must be allowed to do:

    gate_actions = {"list": "administer", "create": "administer"}

What is not said there cannot be registered (GuardedRouter, system check skold.E002) and is refused.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.exceptions import ImproperlyConfigured
from django.http import Http404
from rest_framework.exceptions import (
    APIException,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    Throttled,
)
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from skold.api.authentication import (
    ApiUser,
    CredentialRejected,
    GateAuthentication,
    LimitExceeded,
)
from skold.api.parameters import check_parameters
from skold.api.problems import NotRecorded, problem_handler
from skold.control import parts
from skold.control.recording import ControlAccess
from skold.gate import Reject
from skold.journal import JournalUnavailable
from skold.models import Action

STANDARD = ("list", "create", "retrieve", "update", "partial_update", "destroy")
METHODS = ("get", "post", "put", "patch", "delete")


class GatePermission(BasePermission):
    """Asks the gate whether the caller may do what the view declares."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises NotAuthenticated (401), MethodNotAllowed (405), NotFound (404 for forbidden)."""
        assert isinstance(view, GuardedView)
        if not isinstance(request.user, ApiUser):
            raise NotAuthenticated
        action = view.gate_action()
        if action is None:
            raise MethodNotAllowed(request.method or "")
        decision = parts.gate().decide(
            request.user.principal,
            action,
            view.gate_collection(request),
            None,
            year_follows=view.by_year,
        )
        view.access.decision = decision
        if not decision.allowed:
            raise NotFound
        return True


if TYPE_CHECKING:
    Base = APIView
else:
    Base = object


class GuardedView(Base):
    """Mix in before APIView or a viewset: authentication, permission, audit and problem details."""

    authentication_classes = [GateAuthentication]
    permission_classes = [GatePermission]
    gate_actions: ClassVar[Mapping[str, str]] = {}
    query_parameters: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """By action: parameters besides those of filters and pages. Others are refused."""
    by_year: ClassVar[bool] = False
    """The view holds what it shows against `access.years`, or shows nothing that has a year.
    A grant of certain years opens no other view."""
    access: ControlAccess

    def gate_action(self) -> str | None:
        """What the caller must be allowed to do; None for a method that the view does not know."""
        name = getattr(self, "action", None) or (self.request.method or "").lower()
        return self.gate_actions.get(name)

    def gate_collection(self, _request: Request) -> str | None:
        """The collection the access is about; None for the institution as a whole."""
        return None

    def gate_resource(self) -> str:
        """What the record calls the object: `api-key:AbC…`, or the kind alone for a list."""
        kind = getattr(self, "basename", None) or type(self).__name__
        named = ",".join(str(value) for value in self.kwargs.values())
        return f"{kind}:{named}" if named else str(kind)

    @property
    def actor(self) -> str:
        """The caller, for services."""
        assert isinstance(self.request.user, ApiUser)
        return self.request.user.actor

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in and record, before the handler runs."""
        action = self.gate_action() or "none"
        self.access = ControlAccess(request._request, action, self.gate_resource())
        self.access.collection = self.gate_collection(request)
        try:
            # First of all: a stranger learns nothing about forms and formats, and none of what is
            # wrong with them is recorded past the flood's limit.
            self._authenticate(request)
            super().initial(request, *args, **kwargs)
        except LimitExceeded as refusal:
            self._refuse_excess(request, refusal)
            raise
        except (CredentialRejected, NotAuthenticated) as refusal:
            self._refuse_stranger(request, refusal)
            raise
        except APIException as refusal:
            self._begin(request, _reason(refusal, self.access))
            raise
        except Http404:  # a form that ?format= names and nobody has
            self._begin(request, NotFound.default_code)
            raise
        self._begin(request, None)
        check_parameters(request, self)

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Record how it ended."""
        status = 500
        try:
            response = super().dispatch(request, *args, **kwargs)
            status = response.status_code
        finally:
            if hasattr(self, "access"):
                self.access.finish(status)
        return response

    def handle_exception(self, exc: Exception) -> Response:
        """Errors as problem details; others go on as 500."""
        response = problem_handler(exc, {})
        if response is None:
            raise exc
        response.exception = True
        return response

    def _authenticate(self, request: Request) -> None:
        self.perform_authentication(request)
        if not isinstance(request.user, ApiUser):
            raise NotAuthenticated

    def _refuse_excess(self, request: Request, refusal: LimitExceeded) -> None:
        """Record a request beyond a limit, or count it."""
        address = request.META.get("REMOTE_ADDR", "")
        if parts.refusals().records_excess(refusal.excess, refusal.principal, address):
            self.access.name_principal(refusal.principal)
            self._begin(request, refusal.excess.reason)

    def _refuse_stranger(self, request: Request, refusal: APIException) -> None:
        """Record a request without a valid credential. Raises Throttled (429) in a flood, in which
        it is counted."""
        known = refusal.reject if isinstance(refusal, CredentialRejected) else Reject("anonymous")
        verdict = parts.refusals().judge(known, request.META.get("REMOTE_ADDR", ""))
        if verdict.recorded:
            self.access.name_reject(known)
            self._begin(request, known.reason)
        if verdict.retry_after:
            raise Throttled(wait=verdict.retry_after) from refusal

    def _begin(self, request: Request, refused: str | None) -> None:
        # request.user would authenticate again, and raise again, where that has failed.
        user = getattr(request, "_user", None)
        if isinstance(user, ApiUser):
            self.access.name_principal(user.principal)
        try:
            self.access.begin(refused)
        except JournalUnavailable as error:
            raise NotRecorded from error


def _reason(refusal: APIException, access: ControlAccess) -> str:
    if access.decision is not None:
        return access.decision.reason
    return str(refusal.default_code)


class GuardedRouter(SimpleRouter):
    """Registers guarded viewsets only."""

    def register(self, prefix: str, viewset: Any, basename: str | None = None) -> None:
        """Raises ImproperlyConfigured naming the actions that nobody declared."""
        missing = undeclared(viewset)
        if missing:
            raise ImproperlyConfigured(
                f"{viewset.__name__} has no gate action for {', '.join(missing)};"
                f" declare them in gate_actions"
            )
        super().register(prefix, viewset, basename)


def undeclared(view: Any, names: Iterable[str] | None = None) -> list[str]:
    """The actions (of a viewset) or methods (of a view) for which no gate action is declared."""
    if not issubclass(view, GuardedView):
        return ["everything (it is not a GuardedView)"]
    known = set(Action.values)
    return [name for name in names or _names(view) if view.gate_actions.get(name) not in known]


def _names(view: Any) -> list[str]:
    if hasattr(view, "get_extra_actions"):
        extra = {name for action in view.get_extra_actions() for name in action.mapping.values()}
        return [name for name in STANDARD if hasattr(view, name)] + sorted(extra)
    return [name for name in METHODS if hasattr(view, name)]
