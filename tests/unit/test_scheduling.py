"""What a test run starts once, it starts once: tests that share it go to the same worker."""

from pathlib import Path

import pytest

from tests.support.plane import REPOSITORY
from tests.support.scheduling import group_of

HOUSES = ["tests/integration/test_house.py", "tests/browser/test_demo_migration.py"]


def test_tests_of_one_mark_stay_together() -> None:
    assert {group_of(REPOSITORY / path) for path in HOUSES} == {"house"}


@pytest.mark.parametrize(
    "shared", ['@pytest.fixture(scope="module")', "def test(shared_data_plane: DataPlane) -> None:"]
)
def test_tests_that_share_something_of_the_module_stay_together(
    tmp_path: Path, shared: str
) -> None:
    file = tmp_path / "test_it.py"
    file.write_text(shared)
    assert group_of(file) == str(file)


def test_what_the_folder_shares_counts_too(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("def environment(shared_data_plane): ...")
    (tmp_path / "test_it.py").write_text("def test(environment): ...")
    assert group_of(tmp_path / "test_it.py") is not None


def test_other_tests_go_anywhere(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test(data_plane): ...")
    assert group_of(tmp_path / "test_it.py") is None


@pytest.mark.xdist_group("scheduling")
@pytest.mark.parametrize("number", range(6))
def test_the_run_obeys(
    number: int, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> None:
    """Each of the six finds no other worker's name where they all write theirs."""
    if worker_id == "master":
        pytest.skip("one process has nothing to share out")
    with (tmp_path_factory.getbasetemp().parent / "scheduling").open("a+") as file:
        file.seek(0)
        workers = file.read().split()
        file.write(f"{worker_id}\n")
    assert set(workers) <= {worker_id}
