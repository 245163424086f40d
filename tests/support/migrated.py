"""A PostgreSQL cluster with all our tables and no row of anybody's, made once and copied from then.

initdb and every migration take ten seconds of a core; a copy takes a tenth of one. The cluster is
kept in pytest's cache folder as long as no source file changes. First starts and migrations of the
product itself are tested from nothing, in tests/integration/test_house.py.
"""

import fcntl
import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contentserver.embedded.account import Account, choose_account
from contentserver.embedded.binaries import postgres_folder
from tests.support.plane import REPOSITORY, clean_environment

CACHE = REPOSITORY / ".pytest_cache" / "migrated"
PACKAGES = ("contentserver", "skold", "migrator", "requirements")
KEPT = 2
"""So many clusters stay: this state's, and that of the branch one comes from."""


def copy_cluster(account: Account, data: Path) -> None:
    """Make `data` a migrated cluster that `account` may run, unless there is one already."""
    if data.exists():
        return
    with _cluster() as made:
        account.make_private(data)
        command = ("cp", "-R", "--preserve=mode,timestamps", "--reflink=auto")
        subprocess.run([*command, f"{made}/.", str(data)], check=True)
    _give(data, account.uid, account.gid)


def prepare_folder(folder: Path) -> None:
    """For a server that keeps its data in `folder`/postgres, as all embedded ones do."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = choose_account(folder, postgres_folder() / "bin" / "postgres")
    copy_cluster(account, account.state / "postgres")


@contextmanager
def _cluster() -> Iterator[Path]:
    """The data folder of this state of the code; nobody removes it meanwhile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / _digest()
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _make(folder)
            _forget_others(folder)
        os.utime(folder)
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder


def _digest() -> str:
    """Of everything that may change what `migrate` makes."""
    digest = hashlib.sha256(str(postgres_folder()).encode())
    for package in PACKAGES:
        for path in sorted((REPOSITORY / package).rglob("*")):
            if path.suffix in {".py", ".txt"}:
                digest.update(f"\n{path} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:24]


def _make(folder: Path) -> None:
    from tests.support.servers import running_postgres

    # Paths of sockets are short, and the cache may lie deep.
    with tempfile.TemporaryDirectory(prefix="contentserver-migrated-", dir="/tmp") as name:
        home = Path(name)
        with running_postgres(home, migrated=False) as server:
            _migrate(home, server.url)
            server.stop()
            _give(server.data, os.geteuid(), os.getegid())
            half = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(half, ignore_errors=True)
            shutil.move(server.data, half)
        half.rename(folder)


def _migrate(home: Path, url: str) -> None:
    environment = {
        **clean_environment(),
        "CONTENTSERVER_HOME": str(home),
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "contentserver.settings",
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
    }
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)


def _give(folder: Path, uid: int, gid: int) -> None:
    if os.geteuid() == 0:  # anybody else runs the server as themselves
        for path in (folder, *folder.rglob("*")):
            os.chown(path, uid, gid)


def _forget_others(folder: Path) -> None:
    clusters = [path for path in CACHE.iterdir() if path.is_dir()]
    clusters.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for old in clusters[KEPT:]:
        shutil.rmtree(old)
