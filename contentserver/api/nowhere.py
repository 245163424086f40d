"""Addresses below /api/v1/ that do not exist: refused and recorded like any other."""

from typing import ClassVar

from rest_framework.exceptions import NotAuthenticated, NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from skold.api.authentication import ApiUser
from skold.api.guard import METHODS, GuardedView


class Nobody(BasePermission):
    """Whoever asks is told what absent and forbidden things are told."""

    def has_permission(self, request: Request, _view: APIView) -> bool:
        """Raises NotAuthenticated (401), NotFound (404)."""
        if not isinstance(request.user, ApiUser):
            raise NotAuthenticated
        raise NotFound


class NowhereView(GuardedView, APIView):
    """401 without a credential, 404 with one, in the same words as everywhere."""

    permission_classes = [Nobody]
    gate_actions: ClassVar = dict.fromkeys((*METHODS, "head", "options"), "administer")
    schema = None

    def get(self, _request: Request) -> Response:
        raise NotFound

    post = put = patch = delete = head = get
    options = get  # type: ignore[assignment]
