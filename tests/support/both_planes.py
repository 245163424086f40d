"""Both planes on one port, over the run's PostgreSQL, with a bridge that fills the catalog."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_django import Settings

from contentserver import control, runtime
from contentserver.catalog.services import create_collection
from contentserver.conf import config
from skold.services import create_client, give_grant, issue_api_key
from skold.services.url_keys import issue_url_key
from tests.support.bridge import RunningBridge, database_url
from tests.support.plane import DataPlane

ACTIONS = ["read", "write", "delete", "list", "sign", "stage", "commit"]


class BothPlanes(DataPlane):
    """`environment` is that of a client with a grant for the one collection."""

    arguments = ()
    environment_of_client: dict[str, str]

    def open(self, collection: str) -> None:
        """Make the collection and its client, and start; returns when the catalog answers."""
        self.bridge = RunningBridge(self, database_url()).start()
        create_collection(actor="test", name=collection)
        client = create_client(actor="test", id="school", name="School")
        give_grant(actor="test", client=client, collection=collection, actions=ACTIONS)
        # The feed of changes names every collection.
        give_grant(actor="test", client=client, collection="*", actions=["list"])
        api_key = issue_api_key(actor="test", client=client).plaintext
        wrapping = runtime.data_keyset(self.config).url_keys
        signing = issue_url_key(actor="test", client=client, wrapping_keys=wrapping)
        self.start()
        with self.client(api_key) as school:
            self.bridge.wait_until(
                lambda: school.get(f"/api/v1/files?collection={collection}").status_code == 200
            )
        self.environment_of_client = {
            "CONTENTSERVER_URL": self.url,
            "CONTENTSERVER_API_KEY": api_key,
            "CONTENTSERVER_URL_KEY_ID": signing.key.id,
            "CONTENTSERVER_URL_KEY": signing.secret,
        }


@contextmanager
def both_planes(folder: Path, settings: Settings, collection: str) -> Iterator[BothPlanes]:
    """Running, in a home of their own; needs a database whose transactions others see."""
    node = f"node-{uuid.uuid4().hex[:12]}"
    planes = BothPlanes(folder, CONTENTSERVER_NODE=node, DATABASE_URL=database_url())
    planes.config.policy.unlink()  # the bridge publishes the first one
    settings.CONFIG = planes.config
    control.install(planes.config)
    try:
        planes.open(collection)
        yield planes
    finally:
        control.install(config())
        planes.bridge.kill()
        planes.close()
