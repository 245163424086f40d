"""The frames of one writer in a buffer: handed out only if each continues the one before it.

This runs for every record ever written, so nothing is parsed: what a frame claims is found where
canonical JSON puts it.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from skold import records
from skold.records import RawFrame

_BEAT = b',"kind":"beat",'


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next frame lies and what it must continue: `n` is its number, `chain` the one
    before it.
    """

    segment: int
    offset: int
    n: int
    chain: bytes


class Frame(NamedTuple):
    """A numbered, verified record, which ends at `end` of `segment`. Beats are not handed out."""

    n: int
    body: bytes
    private: bytes
    leaf: bytes
    chain: bytes
    segment: int
    end: int

    @property
    def after(self) -> Position:
        """The position behind it."""
        return Position(self.segment, self.end, self.n + 1, self.chain)

    @property
    def fields(self) -> dict[str, Any]:
        """What the body says, parsed at each call."""
        return records.find_fields(self.body) or {}

    @property
    def private_intact(self) -> bool:
        """False when the private part is not the one that was committed to: redacted, or tampered
        with.
        """
        if not self.private:
            return b',"private":' not in self.body
        return b',"private":"%b"' % records.commitment(self.private).encode() in self.body


def start_of(writer: str) -> Position:
    """The position of a writer's very first frame."""
    return Position(0, 0, 0, records.genesis(writer))


def claim_of(writer: str) -> bytes:
    """What every body of this writer holds, mostly at its end: canonical form sorts the members.

    Inside a text of JSON each quotation mark is escaped. So a comma, a name in marks and a colon
    stand together only where a member of the object begins, and no text can imitate one.
    """
    return b',"writer":"%b"' % writer.encode()


def take_frames(
    buffer: bytes, at: Position, claim: bytes, frames: list[Frame], limit: int
) -> Position:
    """Append to `frames` what continues `at` in `buffer`, which begins there, until it holds
    `limit`; returns the position behind that.

    Of each frame hold: lengths and CRC, the writer of `claim_of`, its number, its chain.
    """
    place, n, chain = 0, at.n, at.chain
    while len(frames) < limit and (raw := records.find_frame(buffer, place)) is not None:
        if not _claims(raw, claim):
            break
        leaf = records.leaf_hash(raw.body)
        if raw.n == n and raw.chain == records.next_chain(chain, leaf):
            end = at.offset + raw.end
            frames.append(Frame(n, raw.body, raw.private, leaf, raw.chain, at.segment, end))
            n, chain = n + 1, raw.chain
        elif raw.n != n - 1 or raw.chain != chain or _BEAT not in raw.body:
            break
        place = raw.end
    return Position(at.segment, at.offset + place, n, chain)


def _claims(raw: RawFrame, claim: bytes) -> bool:
    return raw.body.rfind(claim) > 0 and b',"n":%d,' % raw.n in raw.body
