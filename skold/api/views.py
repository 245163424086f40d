"""Clients, keys and grants over HTTP. Every change is an act of skold.services."""

from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from skold import services
from skold.api import filters, serializers
from skold.api.guard import GuardedView
from skold.api.pagination import KeysetPagination
from skold.control import parts
from skold.models import ApiKey, Client, Grant, UrlKey
from skold.uses import with_last_use

ADMINISTER = "administer"


class ClientViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Client],
):
    """Systems of the institution that call us."""

    gate_actions = dict.fromkeys(("list", "retrieve", "create", "partial_update"), ADMINISTER)
    queryset = Client.objects.all()
    serializer_class = serializers.ClientSerializer
    pagination_class = KeysetPagination
    ordering = ("id",)
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.ClientFilter

    @extend_schema(
        request=serializers.ClientSerializer, responses={201: serializers.ClientSerializer}
    )
    def create(self, request: Request) -> Response:
        """A new client, without keys and grants."""
        given = serializers.ClientSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        client = services.create_client(actor=self.actor, **given.validated_data)
        self.access.made = f"client:{client.pk}"
        return Response(self.get_serializer(client).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.ClientChangeSerializer, responses={200: serializers.ClientSerializer}
    )
    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Change, enable or disable a client."""
        given = serializers.ClientChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        client = services.change_client(
            actor=self.actor, client=self.get_object(), changes=given.validated_data
        )
        return Response(self.get_serializer(client).data)


class ApiKeyViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[ApiKey],
):
    """API keys. The secret is in the answer to their creation, and nowhere else."""

    gate_actions = dict.fromkeys(("list", "retrieve", "create", "revoke", "rotate"), ADMINISTER)
    queryset = with_last_use(ApiKey.objects.all())
    serializer_class = serializers.ApiKeySerializer
    pagination_class = KeysetPagination
    ordering = ("id",)
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.ApiKeyFilter

    @extend_schema(
        request=serializers.ApiKeySerializer, responses={201: serializers.IssuedKeySerializer}
    )
    def create(self, request: Request) -> Response:
        """Issue a key. A client has two live keys at most."""
        given = serializers.ApiKeySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        issued = services.issue_api_key(actor=self.actor, **given.validated_data)
        self.access.made = f"api-key:{issued.key.pk}"
        shown = {**self.get_serializer(issued.key).data, "secret": issued.plaintext}
        return Response(shown, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(request=None, responses={200: serializers.ApiKeySerializer})
    @action(detail=True, methods=["post"])
    def revoke(self, _request: Request, **_kwargs: Any) -> Response:
        """End a key for good, with the next policy (1 s)."""
        key = services.revoke_api_key(actor=self.actor, key=self.get_object())
        return Response(self.get_serializer(key).data)

    @extend_schema(
        request=serializers.RotationSerializer, responses={201: serializers.IssuedKeySerializer}
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **_kwargs: Any) -> Response:
        """Issue a second key; this one ends in `days`, so that nobody is interrupted."""
        days = serializers.RotationSerializer.days_of(request.data)
        issued = services.rotate_api_key(actor=self.actor, key=self.get_object(), days=days)
        self.access.made = f"api-key:{issued.key.pk}"
        shown = {**self.get_serializer(issued.key).data, "secret": issued.plaintext}
        return Response(shown, status=201, headers={"Cache-Control": "no-store"})


class UrlKeyViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[UrlKey],
):
    """Keys with which clients sign URLs themselves."""

    gate_actions = dict.fromkeys(("list", "retrieve", "create", "revoke", "rotate"), ADMINISTER)
    queryset = with_last_use(UrlKey.objects.all())
    serializer_class = serializers.UrlKeySerializer
    pagination_class = KeysetPagination
    ordering = ("id",)
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.UrlKeyFilter

    @extend_schema(
        request=serializers.UrlKeySerializer, responses={201: serializers.IssuedUrlKeySerializer}
    )
    def create(self, request: Request) -> Response:
        """Issue a signing key."""
        given = serializers.UrlKeySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        issued = services.issue_url_key(
            actor=self.actor, wrapping_keys=parts.url_keys(), **given.validated_data
        )
        self.access.made = f"url-key:{issued.key.pk}"
        shown = {**self.get_serializer(issued.key).data, "secret": issued.secret}
        return Response(shown, status=201, headers={"Cache-Control": "no-store"})

    @extend_schema(request=None, responses={200: serializers.UrlKeySerializer})
    @action(detail=True, methods=["post"])
    def revoke(self, _request: Request, **_kwargs: Any) -> Response:
        """End a signing key: its signatures die with the next policy (1 s)."""
        key = services.revoke_url_key(actor=self.actor, key=self.get_object())
        return Response(self.get_serializer(key).data)

    @extend_schema(
        request=serializers.RotationSerializer, responses={201: serializers.IssuedUrlKeySerializer}
    )
    @action(detail=True, methods=["post"])
    def rotate(self, request: Request, **_kwargs: Any) -> Response:
        """Issue a second signing key; what this one signed holds until it ends, in `days`."""
        days = serializers.RotationSerializer.days_of(request.data)
        issued = services.rotate_url_key(
            actor=self.actor, key=self.get_object(), wrapping_keys=parts.url_keys(), days=days
        )
        self.access.made = f"url-key:{issued.key.pk}"
        shown = {**self.get_serializer(issued.key).data, "secret": issued.secret}
        return Response(shown, status=201, headers={"Cache-Control": "no-store"})


class GrantViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[Grant],
):
    """Who may do what where. Nothing is allowed without a grant."""

    gate_actions = dict.fromkeys(("list", "retrieve", "create", "destroy"), ADMINISTER)
    queryset = Grant.objects.all()
    serializer_class = serializers.GrantSerializer
    pagination_class = KeysetPagination
    ordering = ("id",)
    filter_backends = [DjangoFilterBackend]
    filterset_class = filters.GrantFilter

    def create(self, request: Request) -> Response:
        """Give a grant; it holds with the next policy (1 s)."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        grant = services.give_grant(actor=self.actor, **given.validated_data)
        self.access.made = f"grant:{grant.pk}"
        return Response(self.get_serializer(grant).data, status=status.HTTP_201_CREATED)

    def destroy(self, _request: Request, **_kwargs: Any) -> Response:
        """Withdraw a grant."""
        services.withdraw_grant(actor=self.actor, grant=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
