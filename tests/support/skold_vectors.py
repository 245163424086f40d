"""Makes docs/vectors/skold: `python -m tests.support.skold_vectors`.

The files are the contract, this is only how they were written. tests/vectors holds the product and
a reader that shares no code with it to them, and this to the same bytes.
"""

import json
from pathlib import Path
from typing import Any

from skold import records
from skold.records import Scalar

FOLDER = Path(__file__).parents[2] / "docs" / "vectors" / "skold"
WRITER = "node-1.1.0.1795000000000000"
OLDER = "node-1.1.0.1794000000000000"
Frame = tuple[bytes, dict[str, Any]]


class Chain:
    """Frames of one writer; `beat` takes no number."""

    def __init__(self) -> None:
        self.n = 0
        self.chain = records.genesis(WRITER)
        self.frames: list[Frame] = []

    def add(
        self, kind: str, group: int, private: dict[str, str | None] | None = None, **own: Scalar
    ) -> None:
        fields: dict[str, Scalar] = {"at": f"2026-11-18T12:26:40.{self.n:06d}Z", "kind": kind}
        fields |= {"n": self.n, "writer": WRITER, "group": group, **own}
        raw_private = b""
        if private is not None:
            raw_private, fields["private"] = records.private_bytes(private, bytes([self.n]) * 16)
        body = records.body_bytes(fields)
        leaf = records.leaf_hash(body)
        self.chain = records.next_chain(self.chain, leaf)
        told = {"n": self.n, "body": body.decode(), "private": raw_private.decode()}
        told |= {"leaf": leaf.hex(), "chain": self.chain.hex()}
        self.frames.append((records.frame_bytes(self.n, self.chain, body, raw_private), told))
        self.n += 1

    def beat(self) -> None:
        fields: dict[str, Scalar] = {"at": "2026-11-18T12:27:00.000000Z", "kind": "beat"}
        body = records.canonical({**fields, "n": self.n - 1, "writer": WRITER})
        self.frames.append((records.frame_bytes(self.n - 1, self.chain, body, b""), {}))


def usual() -> Chain:
    """open; a group of two pairs; a beat; a group of one pair; close."""
    chain = Chain()
    chain.add("open", 0, format="skold-journal-1", node="node-1", epoch=1, slot=0)
    person: dict[str, str | None] = {
        "key": "students/1.jpg",
        "end_user": "anna",
        "network": "10.1.2.3",
    }
    for group, ids in ((1, "ab"), (5, "c")):
        for name in ids:
            chain.add("req", group, person, id=name, decision="allow", client="campus")
            chain.add("done", group, ref=chain.n - 1, status=200, bytes=65536)
        if group == 1:
            chain.beat()
    chain.add("close", 7)
    return chain


def vector(
    about: str, tail: str, frames: list[Frame], segments: list[bytes], good: int
) -> dict[str, Any]:
    """`good` frames can be read, beats counted; `segments` without the zeros at their end."""
    read = [told for _, told in frames[:good] if told]
    return {
        "about": about,
        "expect": {"tail": tail, "records": read},
        "keys": {},
        "writer": WRITER,
        "segments": [segment.rstrip(b"\0").hex() for segment in segments],
    }


def join(frames: list[Frame]) -> bytes:
    return b"".join(frame for frame, _ in frames)


def journals() -> dict[str, dict[str, Any]]:
    chain = usual().frames
    hole = [bytes(len(raw)) for raw, _ in chain]
    edited = records.find_frame(chain[3][0])
    assert edited is not None
    body = edited.body.replace(b'"decision":"allow"', b'"decision":"refuse"')
    forged = records.frame_bytes(edited.n, edited.chain, body, edited.private)
    before, after = join(chain[:2]), join(chain[3:])
    made = {
        "good": vector("A whole life.", "ended", chain, [join(chain)], 9),
        "two-segments": vector(
            "The second segment goes on where the first one has no room.",
            "ended",
            chain,
            [join(chain[:4]), join(chain[4:])],
            9,
        ),
        "torn": vector("The last frame is cut.", "ended", chain, [join(chain)[:-9]], 8),
        "torn-group": vector(
            "Record 1 is missing, later ones of its group are there: so a power cut may leave it.",
            "ended",
            chain,
            [join(chain[:1]) + hole[1] + join(chain[2:4])],
            1,
        ),
        "hole": vector(
            "Record 2 is missing, and records of a later group are there.",
            "damaged",
            chain,
            [before + hole[2] + after],
            2,
        ),
        "hole-before-beat": vector(
            "Record 4 is missing, and a beat behind it says that it was durable.",
            "damaged",
            chain,
            [join(chain[:4]) + hole[4] + chain[5][0]],
            4,
        ),
        "edited": vector(
            "The decision of record 3 was edited and its checksum made to fit; the chain does not.",
            "damaged",
            chain,
            [join(chain[:3]) + forged + join(chain[4:])],
            3,
        ),
        "deleted": vector("Record 2 was cut out.", "damaged", chain, [before + after], 2),
        "segment-missing": vector(
            "The first segment is lost.", "damaged", chain, [b"", join(chain[4:])], 0
        ),
    }
    return {**made, "texts": texts(), "again": again()}


def texts() -> dict[str, Any]:
    chain = Chain()
    chain.add("open", 0, format="skold-journal-1", node="node-1", epoch=1, slot=0)
    agent = 'a"b\\c/\b\f\n\r\t\x00\x1f\x7f\u2028é\U0001f600'
    chain.add(
        "req",
        1,
        {"user_agent": agent, "key": None},
        id=agent,
        flag=True,
        none=None,
        size=-(2**53) + 1,
    )
    return vector("RFC 8785: texts, numbers, null.", "ended", chain.frames, [join(chain.frames)], 2)


def again() -> dict[str, Any]:
    chain = Chain()
    chain.add(
        "open", 0, format="skold-journal-1", node="node-1", epoch=1, slot=0, after=OLDER, after_n=7
    )
    chain.add("req", 1, {"end_user": "anna"}, id="b", again=f"{OLDER}/8")
    chain.add("done", 1, id="a", ref=7, ref_writer=OLDER, status=200)
    chain.add("done", 1, id="b", ref=1, status=200)
    about = (
        "A life that followed a failed one: a record repeated, and a done of the older life's req."
    )
    return vector(about, "ended", chain.frames, [join(chain.frames)], 4)


def files() -> dict[str, str]:
    """Name and text of every vector."""
    made = {f"journal-{name}.json": value for name, value in journals().items()}
    return {
        name: json.dumps(value, indent=1, ensure_ascii=True) + "\n" for name, value in made.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file_name, text in files().items():
        (FOLDER / file_name).write_text(text, encoding="ascii")
