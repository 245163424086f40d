"""What the API says of collections, files and versions. Times are RFC 3339 in UTC, sizes bytes."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from contentserver.catalog.models import (
    Collection,
    File,
    PublishedLayout,
    StorageRoot,
    StoredVersion,
    Year,
)


class AddressField(serializers.CharField):
    """A file's id: 32 hex digits, its address on disk and in the audit."""

    def to_representation(self, value: Any) -> str:
        return str(value.hex)


class DigestField(serializers.CharField):
    """SHA-256 of the content in hex; null for a delete marker."""

    def to_representation(self, value: Any) -> str:
        return bytes(value).hex()


class CollectionSerializer(serializers.ModelSerializer[Collection]):
    class Meta:
        model = Collection
        fields: tuple[str, ...] = (
            "name", "description", "max_size", "media_types", "inline_types", "erasure",
            "on_behalf_of", "url_lifetime", "cache_control", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields: tuple[str, ...] = ("created_at", "updated_at")


class CollectionChangeSerializer(CollectionSerializer):
    """A collection's name is part of every address and never changes."""

    class Meta(CollectionSerializer.Meta):
        read_only_fields = ("name", "created_at", "updated_at")


class FileSerializer(serializers.ModelSerializer[File]):
    id = AddressField(read_only=True)
    version = serializers.CharField(read_only=True, help_text="The latest version, year.number.")
    sha256 = DigestField(read_only=True, allow_null=True)

    class Meta:
        model = File
        fields = (
            "id", "collection", "key", "version", "size", "sha256", "media_type", "filename",
            "created_by", "committed_at", "deleted",
        )  # fmt: skip
        read_only_fields = fields


class VersionSerializer(serializers.ModelSerializer[StoredVersion]):
    version = serializers.CharField(read_only=True, help_text="year.number")
    sha256 = DigestField(read_only=True, allow_null=True)
    custom = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = StoredVersion
        fields = (
            "version", "size", "sha256", "media_type", "filename", "created_by", "on_behalf_of",
            "data_subject", "original_time", "source", "custom", "committed_at", "deleted",
            "imported",
        )  # fmt: skip
        read_only_fields = fields


class YearSerializer(serializers.ModelSerializer[Year]):
    class Meta:
        model = Year
        fields = ("year", "root", "state", "layout_number")
        read_only_fields = fields


class LayoutSerializer(serializers.ModelSerializer[PublishedLayout]):
    class Meta:
        model = PublishedLayout
        fields = ("number", "issued_at", "payload")
        read_only_fields = fields


class RootSerializer(serializers.ModelSerializer[StorageRoot]):
    class Meta:
        model = StorageRoot
        fields = ("node", "name", "present", "total_bytes", "free_bytes", "seen_at")
        read_only_fields = fields


class ChangeSerializer(serializers.Serializer[Any]):
    """One entry of the feed: a version that became known on a node."""

    node = serializers.CharField()
    number = serializers.IntegerField(help_text="Of this node's feed, without gaps from 1.")
    kind = serializers.SerializerMethodField()
    file = AddressField(source="version.file_id")
    collection = serializers.CharField(source="version.file.collection")
    key = serializers.CharField(source="version.file.key")
    version = serializers.CharField(source="version.version")
    size = serializers.IntegerField(source="version.size")
    sha256 = DigestField(source="version.sha256", allow_null=True)
    media_type = serializers.CharField(source="version.media_type")
    committed_at = serializers.DateTimeField(source="version.committed_at")

    @extend_schema_field({"type": "string", "enum": ["stored", "deleted"]})
    def get_kind(self, change: Any) -> str:
        return "deleted" if change.version.deleted else "stored"


class ChangesSerializer(serializers.Serializer[Any]):
    """A page of the feed. `after` is where the next one begins, also when this one is empty."""

    after = serializers.CharField()
    more = serializers.BooleanField(help_text="There is more right now.")
    results = ChangeSerializer(many=True)
