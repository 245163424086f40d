"""The rules of collections as the signed policy carries them to the data plane."""

from typing import Any

from contentserver.catalog.models import Collection


def collection_rules() -> dict[str, dict[str, Any]]:
    """The policy's `collections`: name -> rules, for skold.publisher."""
    return {collection.name: _rules(collection) for collection in Collection.objects.all()}


def _rules(collection: Collection) -> dict[str, Any]:
    return {
        "max_size": collection.max_size,
        "media_types": collection.media_types,
        "inline_types": collection.inline_types,
        "erasure": str(collection.erasure),
        "on_behalf_of": str(collection.on_behalf_of),
        "url_lifetime": collection.url_lifetime,
        "cache_control": collection.cache_control or None,
        # The only level until a replica exists.
        "durability": "local",
    }
