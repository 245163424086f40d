"""The one module that touches the disk."""

import ast
import os
from pathlib import Path

import pytest

import contentserver.store
from contentserver.store import fileops
from contentserver.store.errors import NoSpace, SlotTaken


@pytest.fixture
def folder(tmp_path: Path) -> int:
    return fileops.open_root(tmp_path)


def test_no_other_module_of_the_store_touches_the_disk() -> None:
    """Promise 1 is checked by reading one file; so nobody else may open, link, rename or fsync."""
    touching = {"open", "link", "rename", "replace", "fsync", "fdatasync", "mkdir", "unlink"}
    for path in Path(contentserver.store.__file__).parent.glob("*.py"):
        if path.name in {"fileops.py", "kernel.py", "reads.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found = (node.value.id, node.attr)
                assert not (found[0] == "os" and found[1] in touching), (path.name, found)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "open", path.name


def test_directories_are_made_once_and_durably(tmp_path: Path, folder: int) -> None:
    before = fileops.flushes()
    os.close(fileops.make_dirs_durably(folder, "2026/ab/cd"))
    assert fileops.flushes() - before == 3  # each new directory's parent
    os.close(fileops.make_dirs_durably(folder, "2026/ab/cd"))
    assert fileops.flushes() - before == 3


def test_a_directory_that_another_process_is_still_making_is_fsynced_too(
    tmp_path: Path, folder: int
) -> None:
    """It exists, but its maker has not fsynced the parent yet, and may never."""
    os.close(fileops.make_dirs_durably(folder, "2026/ab"))
    (tmp_path / "2026" / "ab" / "cd").mkdir(mode=0o700)
    before = fileops.flushes()
    os.close(fileops.make_dirs_durably(folder, "2026/ab/cd"))
    assert fileops.flushes() - before == 1


def test_a_link_never_replaces(tmp_path: Path, folder: int) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "slot").write_text("theirs")
    with pytest.raises(SlotTaken):
        fileops.link_into_place(folder, "mine", folder, "slot")
    assert (tmp_path / "slot").read_text() == "theirs"


def test_a_link_made_twice_is_one(tmp_path: Path, folder: int) -> None:
    (tmp_path / "mine").write_text("mine")
    fileops.link_into_place(folder, "mine", folder, "slot")
    fileops.link_into_place(folder, "mine", folder, "slot")
    assert (tmp_path / "mine").stat().st_nlink == 2


@pytest.mark.parametrize(
    "step", ["create", "write", "replace_file", "replace", "replace_file!", "write!"]
)
def test_a_replacement_that_fails_leaves_the_old_bytes(
    tmp_path: Path, folder: int, step: str
) -> None:
    fileops.replace_durably(folder, "document", b"old")

    def fail(name: str) -> None:
        if name == step:
            raise OSError(5, "injected")

    fileops.step_hook = fail
    with pytest.raises(OSError, match="injected"):
        fileops.replace_durably(folder, "document", b"new")
    fileops.step_hook = None
    assert (tmp_path / "document").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["document"]


def test_a_full_disk_has_a_name_of_its_own(folder: int) -> None:
    def fill(name: str) -> None:
        raise OSError(28, "injected")

    fileops.step_hook = fill
    with pytest.raises(NoSpace, match="free space"):
        fileops.create_exclusive(folder, "a")


def test_a_file_in_a_slot_is_never_opened_for_writing(tmp_path: Path, folder: int) -> None:
    (tmp_path / "staged").write_text("x")
    os.close(fileops.open_for_writing(folder, "staged"))
    os.link(tmp_path / "staged", tmp_path / "slot")
    with pytest.raises(OSError, match="slot"):
        fileops.open_for_writing(folder, "staged")


def test_a_cold_directory_is_not_waited_for(tmp_path: Path, folder: int) -> None:
    (tmp_path / "there").write_text("x")
    fd = fileops.find_file_cached(folder, b"there")
    assert fd is not None
    os.close(fd)
    never_asked = b"nobody-ever-asked-for-this"
    with pytest.raises(fileops.WouldBlock):
        fileops.find_file_cached(folder, never_asked)
    assert not fileops.is_there(folder, never_asked.decode())
    assert fileops.find_file_cached(folder, never_asked) is None


def test_a_cold_page_is_not_waited_for(tmp_path: Path, folder: int) -> None:
    (tmp_path / "there").write_bytes(os.urandom(1 << 20))
    fd = fileops.open_for_reading(folder, "there")
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    with pytest.raises(fileops.WouldBlock):
        fileops.read_at_cached(fd, bytearray(4096), 512 * 1024)
    assert fileops.read_at(fd, bytearray(4096), 512 * 1024) == 4096
    assert fileops.read_at_cached(fd, bytearray(4096), 512 * 1024) == 4096


def test_locks_hold_between_descriptions_of_one_process(folder: int) -> None:
    one, other = (fileops.open_lock(folder, "lock") for _ in range(2))
    assert fileops.try_lock(one, 1 << 62)
    assert not fileops.try_lock(other, 1 << 62)
    assert fileops.is_locked(other, 1 << 62)
    assert fileops.try_lock(other, (1 << 62) + 1)
    fileops.close(one)
    assert fileops.try_lock(other, 1 << 62)
