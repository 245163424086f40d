"""Certificates and token providers over HTTP. Every change is an act of skold.services."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from skold import services
from skold.api import identity_serializers as serializers
from skold.api.guard import GuardedView
from skold.api.pagination import KeysetPagination
from skold.models import ClientCertificate, TokenClient, TokenProvider
from skold.uses import with_last_use

ADMINISTER = "administer"


class CertificateViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[ClientCertificate],
):
    """Certificates that speak for clients."""

    gate_actions = dict.fromkeys(("list", "retrieve", "create", "revoke"), ADMINISTER)
    queryset = with_last_use(ClientCertificate.objects.all(), "certificate:", "@pk")
    serializer_class = serializers.CertificateSerializer
    pagination_class = KeysetPagination
    ordering = ("fingerprint",)

    @extend_schema(
        request=serializers.NewCertificateSerializer,
        responses={201: serializers.CertificateSerializer},
    )
    def create(self, request: Request) -> Response:
        """Let a certificate speak for a client, with the next policy (1 s)."""
        given = serializers.NewCertificateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.add_certificate(actor=self.actor, **given.validated_data)
        self.access.made = f"certificate:{row.pk}"
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={200: serializers.CertificateSerializer})
    @action(detail=True, methods=["post"])
    def revoke(self, _request: Request, **_kwargs: Any) -> Response:
        """End a certificate here for good, with the next policy (1 s)."""
        row = services.revoke_certificate(actor=self.actor, certificate=self.get_object())
        return Response(self.get_serializer(row).data)


class TokenProviderViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[TokenProvider],
):
    """OpenID Connect providers whose tokens are taken."""

    gate_actions = dict.fromkeys(
        ("list", "retrieve", "create", "partial_update", "fetch"), ADMINISTER
    )
    queryset = TokenProvider.objects.all()
    serializer_class = serializers.TokenProviderSerializer
    pagination_class = KeysetPagination
    ordering = ("id",)

    def create(self, request: Request) -> Response:
        """Take a provider's tokens, once the bridge has fetched its keys."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.create_token_provider(actor=self.actor, **given.validated_data)
        self.access.made = f"token-provider:{row.pk}"
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(
        request=serializers.TokenProviderChangeSerializer,
        responses={200: serializers.TokenProviderSerializer},
    )
    def partial_update(self, request: Request, **_kwargs: Any) -> Response:
        """Change, enable or disable a provider."""
        given = serializers.TokenProviderChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.change_token_provider(
            actor=self.actor, provider=self.get_object(), changes=given.validated_data
        )
        return Response(self.get_serializer(row).data)

    @extend_schema(request=None, responses={202: serializers.TokenProviderSerializer})
    @action(detail=True, methods=["post"])
    def fetch(self, _request: Request, **_kwargs: Any) -> Response:
        """Ask the bridge for the keys now; the result is in `fetch_tried_at` and `fetch_error`."""
        row = self.get_object()
        services.want_keys(actor=self.actor, provider=row)
        return Response(self.get_serializer(row).data, status=status.HTTP_202_ACCEPTED)


class TokenClientViewSet(
    GuardedView,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    viewsets.GenericViewSet[TokenClient],
):
    """Which client a token speaks for."""

    gate_actions = dict.fromkeys(("list", "retrieve", "create", "destroy"), ADMINISTER)
    queryset = with_last_use(TokenClient.objects.all(), "token:", "@provider_id", "/", "@pk")
    serializer_class = serializers.TokenClientSerializer
    pagination_class = KeysetPagination
    ordering = ("id",)

    def create(self, request: Request) -> Response:
        """Let tokens whose claim says `value` speak for a client, with the next policy (1 s)."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        row = services.name_token_client(actor=self.actor, **given.validated_data)
        self.access.made = f"token-client:{row.pk}"
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    def destroy(self, _request: Request, **_kwargs: Any) -> Response:
        """Such tokens open nothing any more, with the next policy (1 s)."""
        services.forget_token_client(actor=self.actor, named=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)
