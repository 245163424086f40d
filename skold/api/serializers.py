"""What the API shows of principals and audit records, and what it takes."""

from typing import Any

import orjson
from rest_framework import serializers

from skold.control import parts
from skold.models import OFFERED_ACTIONS, ActingFor, ApiKey, AuditRecord, Client, Grant, UrlKey
from skold.services.rotation import MAX_DAYS, USUAL_DAYS

LARGEST_LIMIT = 2_147_483_647


class ClientSerializer(serializers.ModelSerializer[Client]):
    """A client, as shown and as created."""

    class Meta:
        model = Client
        fields = [
            *("id", "name", "enabled", "address_ranges", "may_act_for"),
            *("requests_per_second", "created_at", "created_by"),
        ]
        read_only_fields = ["created_at", "created_by"]


class ClientChangeSerializer(serializers.Serializer[Client]):
    """What can be changed of a client."""

    name = serializers.CharField(max_length=200, required=False)
    enabled = serializers.BooleanField(required=False)
    address_ranges = serializers.ListField(
        child=serializers.CharField(max_length=49), required=False
    )
    may_act_for = serializers.ChoiceField(choices=ActingFor.choices, required=False)
    requests_per_second = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=LARGEST_LIMIT
    )


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    """An API key without its secret, which nobody has but the client."""

    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True, default=None)

    class Meta:
        model = ApiKey
        fields = [
            *("id", "client", "label", "created_at", "created_by"),
            *("expires_at", "revoked_at", "revoked_by", "last_used_at"),
        ]
        read_only_fields = ["id", "created_at", "created_by", "revoked_at", "revoked_by"]


class RotationSerializer(serializers.Serializer[ApiKey]):
    """How long the key that is replaced goes on."""

    days = serializers.IntegerField(min_value=0, max_value=MAX_DAYS, default=USUAL_DAYS)

    @classmethod
    def days_of(cls, data: Any) -> int:
        """Raises ValidationError naming the field."""
        given = cls(data=data)
        given.is_valid(raise_exception=True)
        return int(given.validated_data["days"])


class UrlKeySerializer(serializers.ModelSerializer[UrlKey]):
    """A signing key without its secret."""

    last_used_at = serializers.DateTimeField(read_only=True, allow_null=True, default=None)

    class Meta:
        model = UrlKey
        fields = ApiKeySerializer.Meta.fields
        read_only_fields = ApiKeySerializer.Meta.read_only_fields


class IssuedKeySerializer(ApiKeySerializer):
    """A new API key: the only answer that ever holds `secret`."""

    secret = serializers.CharField(read_only=True)

    class Meta(ApiKeySerializer.Meta):
        fields = [*ApiKeySerializer.Meta.fields, "secret"]


class IssuedUrlKeySerializer(UrlKeySerializer):
    """A new signing key: the only answer that ever holds `secret` (base64 of 32 bytes)."""

    secret = serializers.CharField(read_only=True)

    class Meta(UrlKeySerializer.Meta):
        fields = [*UrlKeySerializer.Meta.fields, "secret"]


class GrantSerializer(serializers.ModelSerializer[Grant]):
    """A grant. It is given and withdrawn, never changed."""

    actions = serializers.ListField(
        child=serializers.ChoiceField(choices=OFFERED_ACTIONS), min_length=1
    )

    class Meta:
        model = Grant
        fields = [
            *("id", "client", "collection", "actions", "prefix", "first_year", "last_year"),
            *("created_at", "created_by"),
        ]
        read_only_fields = ["id", "created_at", "created_by"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Besides the fields: that the grant can reach anything."""
        parts.check_place(attrs["collection"], attrs.get("prefix", ""))
        return attrs


class AuditRecordSerializer(serializers.ModelSerializer[AuditRecord]):
    """A leaf of a ledger. `body` is its text exactly as hashed; `private` is {} once redacted."""

    private = serializers.SerializerMethodField()
    body = serializers.SerializerMethodField()

    class Meta:
        model = AuditRecord
        fields = [
            *("id", "node", "leaf_index", "at", "writer", "n", "kind", "ref", "request_id"),
            *("plane", "method", "action", "decision", "reason", "rule", "client", "credential"),
            *("end_user_known", "collection", "address", "version", "resource"),
            *("status", "outcome", "bytes", "microseconds", "private", "body"),
        ]

    def get_private(self, record: AuditRecord) -> dict[str, str]:
        """Everything but the salt, which would let others test guesses."""
        given: dict[str, Any] = record.private
        return {name: str(value) for name, value in given.items() if name != "salt"}

    def get_body(self, record: AuditRecord) -> str:
        """The bytes of the leaf as text."""
        return bytes(record.body).decode("utf-8", "replace")


def fields_of(record: AuditRecord) -> dict[str, Any]:
    """What the body of a leaf says; {} for one that is no JSON object."""
    try:
        fields = orjson.loads(bytes(record.body))
    except orjson.JSONDecodeError:
        return {}
    return fields if isinstance(fields, dict) else {}
