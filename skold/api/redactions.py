"""Redactions over HTTP: asked, approved and refused by persons whom a token proves.

A client alone does neither: whoever acts must be named by an access token of a provider that
whoever runs the machine trusts with persons, and be a person of this server with the permission
that the admin asks for, too.
"""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from skold.api.authentication import ApiUser
from skold.api.guard import GuardedView
from skold.api.pagination import KeysetPagination
from skold.models import Redaction, TokenProvider
from skold.redaction import services
from skold.services import names_persons

ADMINISTER, AUDIT = "administer", "audit"


class RedactionSerializer(serializers.ModelSerializer[Redaction]):
    """A redaction. `records`: how many private parts; null until the bridge has counted."""

    class Meta:
        model = Redaction
        fields = [
            *("id", "kind", "reason", "state", "records", "asked_by", "asked_at"),
            *("decided_by", "decided_at", "done_at"),
        ]
        read_only_fields = fields


class AskSerializer(serializers.Serializer[Redaction]):
    """What is asked for. `selector`: {"end_user"}, {"collection", "key"} or {"records": […]}."""

    kind = serializers.ChoiceField(choices=Redaction.Kind.choices)
    selector = serializers.JSONField()
    reason = serializers.CharField(max_length=2000)

    def validate_selector(self, given: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise ValidationError("give an object")
        return given


class RedactionViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Redaction],
):
    """Private parts of audit records taken out. Selectors are not shown: they name persons."""

    gate_actions = {
        **dict.fromkeys(("list", "retrieve"), AUDIT),
        **dict.fromkeys(("create", "approve", "refuse"), ADMINISTER),
    }
    queryset = Redaction.objects.all()
    serializer_class = RedactionSerializer
    pagination_class = KeysetPagination
    ordering = ("-id",)

    @extend_schema(request=AskSerializer, responses={201: RedactionSerializer})
    def create(self, request: Request) -> Response:
        """Ask for a redaction. The bridge counts the records; another person approves."""
        actor = self._person("skold.ask_redaction")
        given = AskSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            redaction = services.ask(actor=actor, **given.validated_data)
        except DjangoValidationError as error:
            raise ValidationError(error.message_dict) from error
        self.access.made = f"redaction:{redaction.pk}"
        return Response(self.get_serializer(redaction).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: RedactionSerializer})
    @action(detail=True, methods=["post"])
    def approve(self, _request: Request, **_kwargs: Any) -> Response:
        """Have it carried out; not by whoever asked. It cannot be taken back."""
        return self._decide(services.approve)

    @extend_schema(request=None, responses={200: RedactionSerializer})
    @action(detail=True, methods=["post"])
    def refuse(self, _request: Request, **_kwargs: Any) -> Response:
        """End it without any change."""
        return self._decide(services.refuse)

    def _decide(self, act: Any) -> Response:
        actor = self._person("skold.approve_redaction")
        try:
            redaction = act(actor=actor, redaction=self.get_object())
        except DjangoValidationError as error:
            raise ValidationError({"redaction": error.messages}) from error
        return Response(self.get_serializer(redaction).data)

    def _person(self, permission: str) -> str:
        """Who acts, by the token. Raises NotFound, as for everything that one may not do."""
        user = self.request.user
        principal = user.principal if isinstance(user, ApiUser) else None
        if principal is None or principal.end_user_known != "token" or not principal.end_user:
            raise NotFound
        issued_by = principal.credential.removeprefix("token:").partition("/")[0]
        provider = TokenProvider.objects.filter(pk=issued_by).first()
        if provider is None or not names_persons(provider):
            raise NotFound
        people = get_user_model()._default_manager
        person = people.filter(username=principal.end_user, is_active=True).first()
        if person is None or not person.has_perm(permission):
            raise NotFound
        return f"token:{principal.end_user}"
