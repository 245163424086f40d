"""Sources as an operator would have declared them, in the control plane's database alone."""

from contentserver.catalog.models import Collection
from migrator.demo.source import TOML
from migrator.legacy.toml import from_toml
from migrator.models import Source
from migrator.services.sources import create_source


def declare_source(name: str) -> Source:
    """A source of a collection of the same name, like the demo's."""
    Collection.objects.get_or_create(name=name)
    described = TOML.partition("[sync]")[0].replace('"photos"', f'"{name}"')
    return create_source(actor="test", description=from_toml(described))
