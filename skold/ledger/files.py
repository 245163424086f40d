"""Several files made durable together, with one fsync for each folder."""

import os
from collections.abc import Mapping
from pathlib import Path

from skold.disk import FILE_MODE, Disk, flush, opened

_SUFFIX = ".new"


def replace_all_durably(files: Mapping[Path, bytes]) -> None:
    """Put these bytes under these names; every one is on stable storage when this returns.

    A reader sees each file old or new, whole. Makes missing folders. A crash leaves any of them
    done and any not.
    """
    disk = Disk()
    folders = dict.fromkeys(path.parent for path in files)
    for folder in folders:
        disk.make_folder(folder)
    for path, raw in files.items():
        temporary = path.with_name(path.name + _SUFFIX)
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE) as fd:
            disk.write(fd, raw, 0)
            flush(fd)
        temporary.rename(path)
    for folder in folders:
        disk.sync_folder(folder)
