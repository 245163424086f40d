"""What the API shows and takes of certificates and token providers."""

from rest_framework import serializers

from skold.models import ClientCertificate, TokenClient, TokenProvider
from skold.policy_identities import ASYMMETRIC

ALGORITHMS = sorted(ASYMMETRIC)


class CertificateSerializer(serializers.ModelSerializer[ClientCertificate]):
    """A client's certificate."""

    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True, default=None)

    class Meta:
        model = ClientCertificate
        fields = [
            *("fingerprint", "client", "label", "subject", "created_at", "created_by"),
            *("expires_at", "revoked_at", "revoked_by", "last_used_at"),
        ]
        read_only_fields = fields


class NewCertificateSerializer(serializers.ModelSerializer[ClientCertificate]):
    """A certificate to be taken: PEM, without its chain and without its private key."""

    pem = serializers.CharField(max_length=32_768)

    class Meta:
        model = ClientCertificate
        fields = ["client", "label", "pem"]


class TokenProviderSerializer(serializers.ModelSerializer[TokenProvider]):
    """A provider whose tokens are taken, and how its keys are."""

    audiences = serializers.ListField(child=serializers.CharField(max_length=200), min_length=1)
    algorithms = serializers.ListField(child=serializers.ChoiceField(ALGORITHMS), min_length=1)
    kids = serializers.SerializerMethodField()

    class Meta:
        model = TokenProvider
        fields = [
            *("id", "issuer", "audiences", "algorithms", "jwks_url", "client_claim"),
            *("end_user_claim", "enabled", "created_at", "created_by"),
            *("kids", "fetched_at", "fetch_tried_at", "fetch_error"),
        ]
        read_only_fields = ["created_at", "created_by", "fetched_at", "fetch_error"]
        extra_kwargs = {"jwks_url": {"required": False}, "fetch_tried_at": {"read_only": True}}

    def get_kids(self, provider: TokenProvider) -> list[str]:
        """Ids of the keys in force."""
        return [key["kid"] for key in provider.jwks.get("keys", [])]


class TokenProviderChangeSerializer(serializers.Serializer[TokenProvider]):
    """What can be changed of a provider."""

    audiences = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, required=False
    )
    algorithms = serializers.ListField(
        child=serializers.ChoiceField(ALGORITHMS), min_length=1, required=False
    )
    jwks_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    client_claim = serializers.CharField(max_length=100, required=False)
    end_user_claim = serializers.CharField(max_length=100, required=False, allow_blank=True)
    enabled = serializers.BooleanField(required=False)


class TokenClientSerializer(serializers.ModelSerializer[TokenClient]):
    """Which client a token of a provider speaks for."""

    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True, default=None)

    class Meta:
        model = TokenClient
        fields = ["id", "provider", "value", "client", "created_at", "created_by", "last_used_at"]
        read_only_fields = ["id", "created_at", "created_by"]
