"""A client of each kind, a data plane for a module, and a line between them that can be cut."""

import hashlib
import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.clients import KINDS, client_of
from tests.support.cutting_proxy import CuttingProxy
from tests.support.plane import DataPlane

_numbers = itertools.count()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each test runs with both clients."""
    return str(request.param)


@pytest.fixture
def connect(kind: str) -> Iterator[Callable[..., Any]]:
    """`connect(url, api_key=…)`: a client of the kind, closed when the test ends."""
    with ExitStack() as clients:
        yield lambda url, **options: clients.enter_context(client_of(kind, url, **options))


@pytest.fixture
def client(connect: Callable[..., Any], shared_data_plane: DataPlane) -> Any:
    """May do everything."""
    return connect(shared_data_plane.url, api_key=shared_data_plane.api_key)


@pytest.fixture
def line(shared_data_plane: DataPlane) -> Iterator[CuttingProxy]:
    """A way to the data plane that a test can cut."""
    with CuttingProxy(shared_data_plane.config.port) as proxy:
        yield proxy


@pytest.fixture
def key() -> str:
    """One that no other test uses."""
    return f"client/{next(_numbers)} ä.bin"


def content(size: int) -> bytes:
    """Bytes that compress to nothing less, the same for the same size."""
    return random.Random(size).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
