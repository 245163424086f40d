"""PyPI `tink` opens our bodies, and we open tink's: the body format is nobody's invention."""

import fcntl
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contentserver.store.errors import Corrupt
from contentserver.store.segments import (
    SEGMENT_SIZE,
    SegmentReader,
    SegmentWriter,
    StreamKey,
    body_size,
    segment_start,
)

pytestmark = pytest.mark.interop

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = REPOSITORY / ".interop" / "tink"
WORKER = Path(__file__).with_name("tink_worker.py")
AROUND = [segment_start(n) + d for n in (1, 2, 3) for d in (-1, 0, 1)]


class Tink:
    """One process of the other implementation, asked again and again."""

    def __init__(self, python: Path, folder: Path) -> None:
        self._source, self._target = folder / "source", folder / "target"
        self._process = subprocess.Popen(
            [python, WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, op: str, key: bytes, ad: bytes, given: bytes) -> bytes | None:
        """What it makes of the bytes; None if it refuses them."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._source.write_bytes(given)
        names = {"source": str(self._source), "target": str(self._target)}
        request = {"op": op, "key": key.hex(), "ad": ad.hex(), **names}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return None if "error" in answer else self._target.read_bytes()

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture(scope="module")
def tink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tink]:
    worker = Tink(_python(), tmp_path_factory.mktemp("tink"))
    yield worker
    worker.close()


def _python() -> Path:
    """The interpreter of tink's own environment, made at first use; tests run side by side."""
    python, ready = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "ready"
    ENVIRONMENT.parent.mkdir(exist_ok=True)
    with ENVIRONMENT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "tink==1.16.1"], check=True)
            ready.touch()
    return python


def _sizes(count: int) -> list[int]:
    """Sizes around every border, then random ones, small and large alike."""
    chance = random.Random(131072)
    sizes = [0, 1, *AROUND]
    while len(sizes) < count:
        sizes.append(chance.randrange(chance.choice([100, 5_000, SEGMENT_SIZE, 4 * SEGMENT_SIZE])))
    return sizes


def _stream() -> tuple[bytes, bytes, StreamKey]:
    key, ad = os.urandom(32), os.urandom(35)
    return key, ad, StreamKey(key, ad)


def _written(stream: StreamKey, plain: bytes) -> bytes:
    writer = SegmentWriter(stream)
    step = random.choice([1_000, 65_536, 300_000])
    pieces = [p for at in range(0, len(plain), step) for p in writer.write(plain[at : at + step])]
    return b"".join(pieces + writer.finish())


def _exchange(tink: Tink, count: int) -> None:
    for size in _sizes(count):
        key, ad, stream = _stream()
        plain = os.urandom(size)
        body = _written(stream, plain)
        assert len(body) == body_size(size)
        assert tink.ask("decrypt", key, ad, body) == plain, f"tink does not read {size} bytes"
        theirs = tink.ask("encrypt", key, ad, plain)
        assert theirs is not None
        reader = SegmentReader(stream, lambda o, n, raw=theirs: raw[o : o + n], size)
        assert reader.read(0, size) == plain, f"we do not read {size} bytes of tink"


def test_it_exchanges_bodies_of_any_size_with_tink(tink: Tink) -> None:
    _exchange(tink, 200)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_it_exchanges_ten_thousand_bodies_with_tink(tink: Tink) -> None:
    _exchange(tink, 10_000)


def test_tink_refuses_what_we_refuse(tink: Tink) -> None:
    key, ad, stream = _stream()
    size = segment_start(2) + 10
    body = _written(stream, os.urandom(size))
    flipped = bytearray(body)
    flipped[-1] ^= 1
    for bad in (bytes(flipped), body[:SEGMENT_SIZE], body[: 2 * SEGMENT_SIZE], body + b"\0"):
        assert tink.ask("decrypt", key, ad, bad) is None
        with pytest.raises(Corrupt):
            _read_whole(stream, bad)


def _read_whole(stream: StreamKey, body: bytes) -> bytes:
    """As the store reads: the body's size is known, and what is left over is refused."""
    size = len(body) - 40 - 16 * -(-len(body) // SEGMENT_SIZE)
    return SegmentReader(stream, lambda o, n: body[o : o + n], size).read(0, size)
