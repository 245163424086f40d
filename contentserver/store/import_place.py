"""Where an import goes: which version it becomes, in which year, on which root."""

from datetime import datetime

from contentserver.store.address import Version
from contentserver.store.environment import Environment
from contentserver.store.errors import ImplausibleTime
from contentserver.store.import_draft import Standing
from contentserver.store.metadata import Metadata
from contentserver.store.placing import next_version
from contentserver.store.roots import Root
from contentserver.store.times import from_rfc3339

_NS = 1_000_000_000


def version_for(environment: Environment, metadata: Metadata, standing: Standing) -> Version:
    """The first version of a file in the year of its time, every later one as a commit."""
    if standing.version is None and metadata.original_time is not None:
        seconds = from_rfc3339(metadata.original_time) // _NS
        return Version(datetime.fromtimestamp(seconds, environment.time_zone).year, 1)
    return next_version(environment, standing.version)


def root_for(environment: Environment, version: Version, standing: Standing) -> Root:
    """The root that takes this version. Raises ImplausibleTime, YearSealed, YearNotOpen,
    RootMissing.
    """
    layout, now = environment.layout(), environment.year_now()
    if standing.version is not None or version.year == now:
        return environment.roots.get(layout.root_for_commit(version.year))
    if version.year > now:
        raise ImplausibleTime(version.year, "it has not begun")
    return environment.roots.get(layout.root_for_import(version.year))
