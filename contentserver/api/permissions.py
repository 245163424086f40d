"""May this caller do this with this file, or this part of a collection?"""

from collections.abc import Sequence
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
    def gate_also(self) -> Sequence[str]:
        """Actions that must be allowed besides."""

    def gate_year(self, request: Request, /) -> int | None:
        """The year of the one version that the wish is about; None where the view looks at years
        itself."""

    def gate_target(self, request: Request, /) -> tuple[str | None, str | None]:
        """Collection and key that the wish is about; asked once the caller is known. A key that
        ends early stands for all that begin with it, None for the whole. Raises NotFound."""


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
        collection, key = target.gate_target(request)
        target.access.collection = collection
        year = target.gate_year(request)
        for wish in (action, *target.gate_also()):
            decision = parts.gate().decide(
                request.user.principal, wish, collection, key, year, year_follows=year is None
            )
            target.access.decision = decision
            if not decision.allowed:
                raise NotFound
        return True

    def has_object_permission(self, _request: Request, _view: APIView, _obj: Any) -> bool:
        """The object was looked up for the decision itself."""
        return True
