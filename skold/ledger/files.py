"""Several files made durable together: written and under way to the disk before the first is waited
for, with one fsync for each folder.
"""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from skold.disk import FILE_MODE, Disk, flush, opened

_SUFFIX = ".new"
_FRESH = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def replace_all_durably(files: Mapping[Path, bytes]) -> None:
    """Put these bytes under these names; every one is on stable storage when this returns.

    A reader sees each file old or new, whole. Makes missing folders. A crash leaves any of them
    done and any not. Holds a descriptor for each file.
    """
    disk = Disk()
    folders = dict.fromkeys(path.parent for path in files)
    for folder in folders:
        disk.make_folder(folder)
    with ExitStack() as stack:
        descriptors = []
        for path, raw in files.items():
            fd = stack.enter_context(opened(_temporary(path), _FRESH, FILE_MODE))
            disk.write(fd, raw, 0)
            disk.start_writing(fd)
            descriptors.append(fd)
        for fd in descriptors:
            flush(fd)
    for path in files:
        _temporary(path).rename(path)
    for folder in folders:
        disk.sync_folder(folder)


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + _SUFFIX)
