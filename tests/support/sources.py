"""A data plane with one source for each mode, in a collection of the mode's name, and a legacy side
that the test sets.
"""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from contentserver import runtime
from contentserver.store.metadata import Metadata
from tests.support.fallback import FALLBACK, Answers
from tests.support.plane import COLLECTION, DataPlane, replaced_environment
from tests.support.tombstones import bury

if TYPE_CHECKING:
    from tests.support.keys import Keys

MODES = ("legacy", "shadow", "hybrid", "writeback", "disk")


def source(name: str, mode: str, **facts: Any) -> dict[str, Any]:
    """A source as the policy carries it."""
    usual = {"final": False, "collection": name, "key": "{id}.jpg", "shadow_share": 100}
    return {"name": name, "mode": mode, "description": {"name": name}, **usual, **facts}


class Moving(DataPlane):
    """Collection "hybrid" has the source "hybrid", which is in mode hybrid; and so on. Keys are
    `<id>.jpg`. `people` is in mode legacy, and its files say who they are about.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, CONTENTSERVER_FALLBACK=FALLBACK, **options)
        self.legacy = Answers(self.config.home)
        for name in MODES:
            self.policy["collections"][name] = copy.deepcopy(COLLECTION)
        self.policy["collections"]["people"] = {**COLLECTION, "erasure": "field"}
        self.policy["collections"]["hybrid"]["erasure"] = "key"
        self.policy["attached"] = {
            "sources": [*(source(name, name) for name in MODES), source("people", "legacy")],
            "addresses": [],
        }
        self.publish_policy()

        with replaced_environment(self.environment):
            keyset = runtime.data_keyset(self.config)
            self._layout = runtime.layout_file(self.config, keyset)
            self._store = runtime.open_store(self.config, keyset, self._layout)

    def store(self, collection: str, key: str, content: bytes, **facts: Any) -> str:
        """Put a version on disk, as sync would; returns it."""
        metadata = Metadata(collection=collection, key=key, created_by="migrator", **facts)
        with self._store.create_upload(actor="migrator", metadata=metadata, direct=True) as upload:
            upload.write(content)
            upload.end_part()
            return str(upload.commit(actor="migrator").version)

    def mark_deleted(self, collection: str, key: str) -> None:
        """Put a delete marker on disk, as sync would."""
        self._store.delete(collection, key, actor="migrator")

    def erase(self, collection: str, subject: str) -> None:
        """Put a signed tombstone in the place of the subject's key."""
        erasure_id = self._store._environment.erasure.id_for(collection, subject)
        with replaced_environment(self.environment):
            bridge = runtime.bridge_keyset(self.config)
        bury(cast("Keys", SimpleNamespace(bridge=bridge, folder=self.config.keys)), erasure_id)

    def close(self) -> None:
        super().close()
        self._store.close()

    def address(self, collection: str, key: str) -> str:
        """Under which the file lies."""
        return self._store.address(collection, key).hex()
