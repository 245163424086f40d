"""A folder for sockets. The kernel allows 107 bytes of path, and homes may be deep."""

import os
import tempfile
from pathlib import Path

LIMIT = 107
LONGEST_NAME = len("/.s.PGSQL.5432")


def choose_folder(preferred: Path) -> tuple[Path, bool]:
    """`preferred` if a socket's path in it is short enough, else a new private folder.

    Returns the folder and whether it is temporary, to be removed at the end.
    """
    if len(os.fsencode(preferred)) + LONGEST_NAME <= LIMIT:
        return preferred, False
    return Path(tempfile.mkdtemp(prefix="contentserver-", dir="/tmp")), True
