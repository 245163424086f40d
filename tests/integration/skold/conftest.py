"""A control plane with real keys, a real journal and PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from contentserver import control, runtime
from skold.control import parts
from skold.journal import Journal
from skold.journal_reader import WriterReader, iter_writers
from skold.ledger.sequencer import Sequencer
from skold.models import Client
from skold.publisher import Publisher
from skold.services import create_client, give_grant, issue_api_key

if TYPE_CHECKING:
    from tests.support.plane import Home

NODE = "node-1"


class Ledger:
    """A journal and the ledger it is sequenced into; `write` waits until it is durable."""

    def __init__(self, folder: Path) -> None:
        self.journal_dir, self.path = folder / "journal", folder / "ledger"
        self.journal_dir.mkdir(parents=True)
        self.journal = Journal([self.journal_dir], NODE)
        self.journal.start()
        self.sequencer = Sequencer([self.journal_dir], self.path, NODE)

    def write(self, count: int = 1, network: str | None = None, **fields: Any) -> None:
        """`count` accesses: a `req` and its `done` each."""
        asked = {"id": "r-1", "action": "read", "decision": "allow", "plane": "data", **fields}
        for number in range(count):
            private = {"key": f"photo-{number}.jpg", "end_user": "anna"}
            if network is not None:
                private["network"] = network
            request = self.journal.append("req", asked, private)
            done = {"status": 200, "bytes": 64, "microseconds": 900, "outcome": "served"}
            ticket = self.journal.append("done", done, ref=request)
        ticket.wait(10)

    def sequence(self) -> int:
        """Number everything that is durable; returns the number of leaves."""
        while self.sequencer.step():
            pass
        return self.sequencer.mark.leaves

    def close(self) -> None:
        self.journal.close()
        self.sequencer.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "node")
    yield made
    made.close()


@pytest.fixture
def conninfo(transactional_db: None) -> str:
    """The test's database, for a connection of one's own."""
    from django.db import connection
    from psycopg.conninfo import make_conninfo

    names = ("dbname", "user", "password", "host", "port")
    params = connection.get_connection_params()
    info = make_conninfo(**{name: params[name] for name in names if params.get(name)})
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE skold_audit, skold_ledgermark")
    return info


class Control:
    """The control plane over a home of its own; `root` is a client that may do everything."""

    def __init__(self, home: "Home") -> None:
        self.config = home.config
        control.install(home.config)
        signing = runtime.bridge_keyset(home.config)
        self.publisher = Publisher(
            path=home.config.policy,
            sign_with=signing.signing_key("policy"),
            verify_keys=runtime.data_keyset(home.config).verify_keys("policy"),
            collection_rules=lambda: home.policy["collections"],
        )
        home.config.policy.unlink()  # the database's policy is the one that counts here
        highest = home.config.policy.with_name("policy.json.highest")
        highest.unlink(missing_ok=True)

    def client(self, name: str, actions: list[str], collection: str = "*") -> str:
        """A client in the database with one key and one grant, published. Returns the key."""
        client = create_client(actor="test", id=name, name=name)
        give_grant(actor="test", client=client, collection=collection, actions=actions)
        return self.key(client)

    def key(self, client: Client) -> str:
        issued = issue_api_key(actor="test", client=client)
        self.publish()
        return issued.plaintext

    def publish(self) -> int:
        """Publish, and let the gate read it at once."""
        number = self.publisher.publish()
        parts.shut()
        return number

    def records(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Bodies of all journal records so far, oldest first, each with its private part."""
        import orjson

        found = []
        for folder in self.config.journal_dirs:
            for writer in iter_writers(folder):
                for frame in WriterReader(folder, writer).read(100_000):
                    private = orjson.loads(frame.private) if frame.private else {}
                    found.append({**frame.fields, "personal": private})
        return [record for record in found if kind in (None, record["kind"])]


@pytest.fixture
def plane(home: "Home", db: None) -> Iterator[Control]:
    """Gate, journal and publisher of a home; nothing is left open."""
    made = Control(home)
    yield made
    parts.shut()


@pytest.fixture
def api() -> Callable[..., Any]:
    """Call /api/v1 as a client: `api("get", "clients", key=...)`."""
    from django.test import Client as Browser

    browser = Browser()

    def call(method: str, path: str, key: str | None = None, data: Any = None, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        given = {} if data is None else {"data": data, "content_type": "application/json"}
        return getattr(browser, method)(f"/api/v1/{path}", **given, headers=headers, **more)

    return call
