"""Which tests go to the same worker: those that would else start a server of their own in each.

xdist tells groups apart by a suffix that it puts to the names of tests, which pytest 9.2 no longer
takes. So the files are asked here: tests of one `xdist_group`, and tests of one file that share
something of the module's, stay together.
"""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

_GROUP = re.compile(r'xdist_group\("([^"]+)"\)')
_SHARED = re.compile(r'scope="module"|\bshared_data_plane\b')


class GroupScheduling(LoadScopeScheduling):
    """For `--dist loadgroup`."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return group_of(self.config.rootpath / path) or nodeid


@cache
def group_of(file: Path) -> str | None:
    """The group of the tests in this file; None where each may run anywhere."""
    source = file.read_text(encoding="utf-8")
    if found := _GROUP.search(source):
        return found[1]
    beside = file.with_name("conftest.py")
    shared = source + (beside.read_text(encoding="utf-8") if beside.exists() else "")
    return str(file) if _SHARED.search(shared) else None
