"""A data plane of a test's own: a fresh home, real keys, a signed policy, a real uvicorn in its own
process.
"""

import copy
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from environs import Env

from contentserver import runtime
from contentserver.conf import Config, read_config
from contentserver.operations import first_start
from skold.credentials import new_api_key
from skold.signed import publish, sign

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ALL_ACTIONS = ["read", "write", "delete", "sign", "stage", "commit", "audit", "administer", "list"]
POLICY_SEEN_AFTER = 0.3  # seconds; readers look at the file each quarter of a second

COLLECTION: dict[str, Any] = {
    "max_size": None,
    "media_types": [],
    "inline_types": ["image/jpeg", "image/png"],
    "erasure": "none",
    "on_behalf_of": "optional",
    "url_lifetime": 3600,
    "cache_control": None,
    "durability": "local",
}


class Home:
    """Keys, root, layout and a policy in a folder. `api_key` may do everything everywhere.

    The policy starts with client "tester" and the collections "photos" and "documents" (erasable by
    key).
    """

    def __init__(self, folder: Path, *, year: int | None = None, **environment: str) -> None:
        self.folder = folder
        self.environment = {
            **clean_environment(),
            "CONTENTSERVER_HOME": str(folder),
            "CONTENTSERVER_PORT": str(free_port()),
            # No database is there: whoever asks one on the way of a file is found out.
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            **environment,
        }
        with replaced_environment(self.environment):
            self.config: Config = read_config(Env())
            now = datetime.now(self.config.time_zone)
            first_start.prepare(self.config, lambda: now.replace(year=year) if year else now)
        self.policy: dict[str, Any] = {
            "clients": [],
            "keys": [],
            "url_keys": [],
            "grants": [],
            "collections": {
                "photos": copy.deepcopy(COLLECTION),
                "documents": {**copy.deepcopy(COLLECTION), "erasure": "key"},
            },
        }
        self.api_key = self.add_client("tester")
        self._number = 0
        self.publish_policy()

    def add_client(
        self,
        name: str,
        *,
        actions: Iterable[str] = ALL_ACTIONS,
        collection: str = "*",
        **facts: Any,
    ) -> str:
        """Add a client with one key and one grant to the policy, not yet published. Returns its API
        key.
        """
        prefix = facts.pop("prefix", "")
        client = {"enabled": True, "address_ranges": [], "may_act_for": "optional", **facts}
        self.policy["clients"].append({"id": name, "name": name, **client})
        self.policy["grants"].append(
            {
                "id": len(self.policy["grants"]) + 1,
                "client": name,
                "collection": collection,
                "actions": list(actions),
                "prefix": prefix,
            }
        )
        return self.add_key(name)

    def add_key(self, client: str, *, expires: int | None = None) -> str:
        """One more API key of the client, not yet published. Returns its plaintext."""
        key_id, plaintext, digest = new_api_key()
        self.policy["keys"].append(
            {"id": key_id, "client": client, "sha256": digest, "expires": expires}
        )
        return plaintext

    def publish_policy(self, policy: Mapping[str, Any] | None = None, **signing: Any) -> int:
        """Sign `policy` (default: self.policy) under the next number and publish it. Returns the
        number.

        A running server obeys it after POLICY_SEEN_AFTER.
        """
        self._number += 1
        with replaced_environment(self.environment):
            key_id, key = runtime.bridge_keyset(self.config).signing_key("policy")
        payload = dict(policy or self.policy)
        publish(self.config.policy, sign("policy", self._number, payload, key_id, key, **signing))
        return self._number


class DataPlane(Home):
    """A home whose data plane runs. Requests of `http` carry `api_key`; `url` has no slash at the
    end.
    """

    arguments: tuple[str, ...] = ("--data",)

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, **options)
        self.url = f"http://127.0.0.1:{self.config.port}"
        self.log = folder / "data-plane.log"
        self.http = self.client(self.api_key)
        self.process: subprocess.Popen[bytes] | None = None

    def client(self, api_key: str | None = None, **options: Any) -> httpx.Client:
        """A client of its own connection; without a key it is anonymous."""
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30.0, **options)

    def start(self, timeout: float = 60.0) -> "DataPlane":
        """Run the server and return when /readyz says 200. Raises AssertionError with its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "contentserver.web", *self.arguments],
                cwd=REPOSITORY,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + timeout
        while not self._is_ready():
            assert self.process.poll() is None, f"the data plane died:\n{self.read_log()}"
            assert time.monotonic() < deadline, f"the data plane is not ready:\n{self.read_log()}"
            time.sleep(0.03)
        return self

    def stop(self) -> None:
        """SIGTERM, and wait for the clean end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: no clean end at all."""
        self._end(signal.SIGKILL)

    def obey(self, policy: Mapping[str, Any] | None = None, **signing: Any) -> None:
        """Publish the policy and return when the running server must obey it."""
        self.publish_policy(policy, **signing)
        time.sleep(POLICY_SEEN_AFTER)

    def read_log(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        self.http.close()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()

    def _end(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(40.0)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5.0).status_code == 200
        except httpx.TransportError:
            return False


def free_port() -> int:
    """A port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment() -> dict[str, str]:
    """Ours without what would lead a child to another home, database or settings module."""
    ours = ("CONTENTSERVER_", "SKOLD_", "DJANGO_", "DATABASE_URL", "BROKER_URL", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@contextmanager
def replaced_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """What a process with this environment would see."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
