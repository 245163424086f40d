"""Fixtures that everybody uses: PostgreSQL, a data plane of a test's own, the whole house."""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.settings import TEST_HOME
from tests.support.servers import TestPostgres, running_postgres

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

    from tests.support.plane import DataPlane, Home

_run = ExitStack()

# A busy machine is no finding, a wrong answer is.
settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Under xdist the controller runs PostgreSQL, because it outlives every worker."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a shell starts what shall run in the background; programs under test inherit it, and
        # then are not ended by the signal that they are tested to end by.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not _is_worker(config):
        _run.callback(shutil.rmtree, TEST_HOME, ignore_errors=True)
        if getattr(config.option, "numprocesses", None):
            _run.enter_context(running_postgres(Path(TEST_HOME)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.support.scheduling import GroupScheduling

    return GroupScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_unconfigure(config: pytest.Config) -> None:
    _run.close()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> None:
    """The run's PostgreSQL is up; it starts with the first test that needs it."""
    alone = not _is_worker(request.config) and not getattr(
        request.config.option, "numprocesses", None
    )
    if alone:
        _run.enter_context(running_postgres(Path(TEST_HOME)))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, postgres: None
) -> None:
    """pytest-django makes its database when the server is up, one for each xdist worker."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> None:
    """The database of this process; a test that commits leaves it as the migrations did."""
    from django.test import TransactionTestCase

    from tests.support.kept_tables import KeptTables

    with django_db_blocker.unblock():
        kept = KeptTables()
    TransactionTestCase._fixture_teardown = lambda case: kept.restore()


@pytest.fixture
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestPostgres]:
    """A PostgreSQL that this test alone may freeze or kill."""
    with running_postgres(tmp_path_factory.mktemp("pg")) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> "Home":
    """Keys, root, layout and a policy; nothing runs."""
    from tests.support.plane import Home

    return Home(tmp_path / "home")


@pytest.fixture
def start_data_plane(tmp_path: Path) -> Iterator[Callable[..., "DataPlane"]]:
    """Start data planes: `start_data_plane(CONTENTSERVER_BODY_IDLE="1")`, fresh homes."""
    from tests.support.plane import DataPlane

    with ExitStack() as planes:

        def start(**options: Any) -> "DataPlane":
            folder = tmp_path / f"home-{len(list(tmp_path.iterdir()))}"
            plane = DataPlane(folder, **options)
            planes.callback(plane.close)
            return plane.start()

        yield start


@pytest.fixture
def data_plane(start_data_plane: Callable[..., "DataPlane"]) -> "DataPlane":
    """A running data plane that this test alone uses."""
    return start_data_plane()


@pytest.fixture(scope="module")
def shared_data_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator["DataPlane"]:
    """A running data plane for a module whose tests use keys of their own and one policy."""
    from tests.support.plane import DataPlane

    plane = DataPlane(tmp_path_factory.mktemp("plane") / "home")
    try:
        yield plane.start()
    finally:
        plane.close()
