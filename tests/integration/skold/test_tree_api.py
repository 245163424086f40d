"""Checkpoint, proofs and tiles over HTTP: whoever holds the verify key needs nothing else."""

import base64
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from contentserver import checkpoint_keys, runtime
from skold import checkpoints, merkle
from skold.checkpoints import Checkpoint
from skold.journal import Journal
from skold.ledger.bundles import Bundles
from skold.ledger.sequencer import Sequencer
from tests.support import naive_tree

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

Api = Callable[..., Any]
LEAVES = 702


class Signed:
    """The home's own ledger, sequenced and signed as the bridge does it."""

    def __init__(self, plane: "Control") -> None:
        self.config = config = plane.config
        self.journal = Journal([config.home / "records"], config.node)
        self.journal.start()
        self.sequencer = Sequencer(
            [config.home / "records"],
            config.ledger,
            config.node,
            checkpointer=checkpoint_keys.open_checkpointer(
                config, runtime.data_keyset(config), runtime.bridge_keyset(config)
            ),
        )

    def grow(self, pairs: int) -> None:
        for number in range(pairs):
            asked = self.journal.append("req", {"id": f"r-{number}"}, {"key": "a.jpg"})
            ticket = self.journal.append("done", {"status": 200}, ref=asked)
        ticket.wait(10)
        while self.sequencer.step():
            pass

    def bodies(self) -> list[bytes]:
        leaves = self.sequencer.mark.leaves
        return [leaf.body for leaf in Bundles(self.config.ledger).iter_leaves(0, leaves, leaves)]

    def opened(self, note: str | bytes) -> Checkpoint:
        keys = checkpoint_keys.verifiers(self.config, runtime.data_keyset(self.config))
        return checkpoints.open_checkpoint(note, keys, checkpoint_keys.origin(self.config))

    def close(self) -> None:
        self.journal.close()
        self.sequencer.close()


@pytest.fixture
def signed(plane: "Control") -> Iterator[Signed]:
    made = Signed(plane)
    made.grow(LEAVES // 2)
    yield made
    made.close()


@pytest.fixture
def auditor(plane: "Control") -> str:
    return plane.client("auditor", ["audit"])


def test_the_checkpoint_is_signed_and_says_the_root_of_all_records(
    signed: Signed, api: Api, auditor: str
) -> None:
    answer = api("get", "audit/checkpoint", auditor)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    bodies = signed.bodies()
    head = signed.opened(answer.content)
    assert (head.origin, head.size) == ("example.org/node-1", len(bodies))
    assert head.root == naive_tree.mth(bodies)


@pytest.mark.parametrize("leaf", [0, 255, 256, LEAVES])
def test_a_record_is_proved_by_text_alone(
    signed: Signed, api: Api, auditor: str, leaf: int
) -> None:
    answer = api("get", f"audit/node-1:{leaf}/proof", auditor)
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    proof, _, note = answer.content.decode().partition("\n\n")
    head = signed.opened(note)
    first, index, *hashes = proof.split("\n")
    assert (first, index) == ("c2sp.org/tlog-proof@v1", f"index {leaf}")
    own = merkle.leaf_hash(signed.bodies()[leaf])
    path = [base64.b64decode(each) for each in hashes]
    assert merkle.verify_inclusion(own, leaf, head.size, path, head.root)


@pytest.mark.parametrize("path", ["node-2:0/proof", "node-1:703/proof", "node-1:99999999/proof"])
def test_a_record_that_this_node_cannot_prove_is_404(
    signed: Signed, api: Api, auditor: str, path: str
) -> None:
    assert api("get", f"audit/{path}", auditor).status_code == 404


def test_an_older_tree_is_proved_to_be_the_beginning_of_a_newer_one(
    signed: Signed, api: Api, auditor: str
) -> None:
    old = signed.opened(api("get", "audit/checkpoint", auditor).content)
    signed.grow(20)
    told = api("get", f"audit/consistency?old={old.size}", auditor).json()
    new = signed.opened(api("get", "audit/checkpoint", auditor).content)
    proof = [base64.b64decode(each) for each in told["proof"]]
    assert merkle.verify_consistency(old.size, old.root, new.size, new.root, proof)
    assert base64.b64decode(told["old_root"]) == old.root
    assert (told["new"], base64.b64decode(told["new_root"])) == (new.size, new.root)


@pytest.mark.parametrize(
    "query", ["", "old=x", "old=-1", "old=9999", "old=5&new=4", "old=1&new=9999", "old=1&more=2"]
)
def test_sizes_that_are_none_are_refused(
    signed: Signed, api: Api, auditor: str, query: str
) -> None:
    answer = api("get", f"audit/consistency?{query}", auditor)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) <= {"old", "new", "more"}


def test_a_monitor_gets_the_tree_from_its_tiles(signed: Signed, api: Api, auditor: str) -> None:
    hashes = [merkle.leaf_hash(body) for body in signed.bodies()]

    def tile(name: str) -> bytes:
        answer = api("get", f"audit/tile/{name}", auditor)
        assert answer["Content-Type"] == "application/octet-stream"
        assert "immutable" in answer["Cache-Control"]
        content: bytes = answer.content
        return content

    assert tile("0/000") + tile("0/001") + tile("0/002.p/191") == b"".join(hashes)
    assert tile("0/002.p/7") == b"".join(hashes[512:519])
    assert tile("1/000.p/2") == merkle.root_of(hashes[:256]) + merkle.root_of(hashes[256:512])
    assert tile("entries/002.p/191")[2:].startswith(signed.bodies()[512])


@pytest.mark.parametrize(
    "name",
    [
        *("0/003", "0/002", "0/002.p/192", "1/000", "2/000.p/1", "0/00", "00/000", "64/000"),
        *(
            "0/000.p/256",
            "0/000.p/0",
            "0/x000/000",
            "0/../mark",
            "entries/9",
            "entries/003",
            "0/0x0",
        ),
    ],
)
def test_a_tile_that_is_not_in_the_tree_is_404(
    signed: Signed, api: Api, auditor: str, name: str
) -> None:
    assert api("get", f"audit/tile/{name}", auditor).status_code == 404


@pytest.mark.parametrize(
    "path", ["checkpoint", "node-1:0/proof", "consistency?old=1", "tile/0/000", "tile/entries/000"]
)
def test_who_may_audit_one_collection_sees_nothing_of_the_tree(
    signed: Signed, api: Api, plane: "Control", path: str
) -> None:
    key = plane.client("one", ["audit"], "photos")
    assert api("get", f"audit/{path}").status_code == 401
    assert api("get", f"audit/{path}", key).status_code == 404


def test_asking_for_a_proof_is_recorded(
    signed: Signed, api: Api, plane: "Control", auditor: str
) -> None:
    api("get", "audit/node-1:3/proof", auditor)
    (request,) = plane.records("req")
    told = (request["action"], request["resource"], request["decision"])
    assert told == ("audit", "audit-tree:node-1:3", "allow")


def test_before_the_first_checkpoint_there_is_none(
    plane: "Control", api: Api, auditor: str
) -> None:
    assert api("get", "audit/checkpoint", auditor).status_code == 404


def test_a_damaged_tile_is_never_passed_on(
    signed: Signed, api: Api, auditor: str, caplog: pytest.LogCaptureFixture
) -> None:
    tile = signed.config.ledger / "tile/0/000"
    raw = bytearray(tile.read_bytes())
    raw[1] ^= 1
    tile.write_bytes(raw)
    answer = api("get", "audit/node-1:3/proof", auditor)
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("ledger_unavailable")
    assert "tile/1/000.p/2 does not fit tile/0/000" in caplog.text
