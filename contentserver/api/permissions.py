"""May this caller do this with this file, or this part of a collection?"""

from typing import Any, Protocol, cast

from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from skold.api.authentication import ApiUser
from skold.control import parts
from skold.control.recording import ControlAccess


class Target(Protocol):
    """What a view must say for the gate to decide on a key."""

    access: ControlAccess

    def gate_action(self) -> str | None: ...
    def gate_collection(self, request: Request, /) -> str | None: ...
    def gate_key(self, request: Request, /) -> str | None: ...


class KeyPermission(BasePermission):
    """As GatePermission, for grants that reach below a prefix only: the key is part of the wish."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises NotAuthenticated (401), MethodNotAllowed (405), NotFound (404 for forbidden)."""
        if not isinstance(request.user, ApiUser):
            raise NotAuthenticated
        target = cast("Target", view)
        action = target.gate_action()
        if action is None:
            raise MethodNotAllowed(request.method or "")
        decision = parts.gate().decide(
            request.user.principal,
            action,
            target.gate_collection(request),
            target.gate_key(request),
        )
        target.access.decision = decision
        if not decision.allowed:
            raise NotFound
        return True

    def has_object_permission(self, _request: Request, _view: APIView, _obj: Any) -> bool:
        """The object was looked up for the decision itself."""
        return True
