"""Promise 1 under power cuts, on ext4 and XFS. `make crash-long` runs hundreds of these."""

import os
import shutil
from pathlib import Path

import pytest

from contentserver.store import fileops
from tests.crash.power_cut import Image, Trial, main, run_trial

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(
        os.geteuid() != 0 or not Path("/dev/loop-control").exists(),
        reason="needs root and loop devices",
    ),
]

DIRECTORIES = ("sync_slot_dir", "sync_outbox", "sync_parent", "info_dir", "receipt_dir")


def needs(kind: str) -> None:
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"mkfs.{kind} is not installed")


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_nothing_acknowledged_is_lost_in_a_power_cut(kind: str) -> None:
    needs(kind)
    for seed in range(3):
        outcome = run_trial(kind, seed, Trial())
        assert outcome.told > 0
        assert (outcome.lost, outcome.damaged) == ([], [])


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_forty_commits_are_forty_after_the_cut(kind: str) -> None:
    """The power goes as the fortieth is told, with no later flush to carry it along."""
    needs(kind)
    outcome = run_trial(kind, 1, Trial(writers=1, puts=40))
    assert (outcome.told, outcome.stored, outcome.lost) == (40, 40, [])


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_a_batch_of_forty_imports_is_forty_after_the_cut(kind: str) -> None:
    needs(kind)
    outcome = run_trial(kind, 1, Trial(writers=1, imports=40))
    assert (outcome.told, outcome.stored, outcome.lost, outcome.damaged) == (40, 40, [], [])


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_no_flush_succeeds_once_the_file_system_has_shut_down(kind: str, tmp_path: Path) -> None:
    """XFS reports success for a directory whose changes it has just thrown away."""
    needs(kind)
    image = Image(kind, tmp_path)
    with image.mounted() as mountpoint:
        (mountpoint / "folder").mkdir()
        folder = fileops.open_root(mountpoint / "folder")
        file = fileops.create_exclusive(folder, "file")
        try:
            fileops.sync_dir(folder)
            fileops.sync_together(file, "sync_names")
            (mountpoint / "folder" / "new").mkdir()
            image.cut()
            with pytest.raises(OSError, match="Input/output"):
                fileops.sync_dir(folder)
            with pytest.raises(OSError, match="Input/output"):
                fileops.sync_together(file, "sync_names")
        finally:
            fileops.close(file)
            fileops.close(folder)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_nothing_acknowledged_is_lost_in_two_hundred_power_cuts(kind: str) -> None:
    needs(kind)
    assert main(["--trials", "200", "--kinds", kind]) == 0


@pytest.mark.parametrize("left_out", [DIRECTORIES, ("sync_file",)])
def test_a_power_cut_shows_a_promise_that_was_broken(left_out: tuple[str, ...]) -> None:
    """The same comparison finds the losses as soon as the writers leave an fsync out."""
    needs("ext4")
    outcome = run_trial("ext4", 1, Trial(writers=1, without=left_out, puts=40))
    assert outcome.told == 40
    assert outcome.lost
    assert outcome.stored < outcome.told  # the kernel may have written some back by itself


def test_a_power_cut_shows_a_batch_that_was_not_flushed() -> None:
    needs("ext4")
    left_out = ("sync_bodies", "sync_names")
    outcome = run_trial("ext4", 1, Trial(writers=1, without=left_out, imports=40))
    assert outcome.told == 40
    assert outcome.lost or outcome.damaged
