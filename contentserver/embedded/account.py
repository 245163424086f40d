"""Under which user the embedded servers run. PostgreSQL refuses root, so root lends it a smaller
account.

As root the servers run as `nobody` with one capability, dac_override, so that a home below a 0700
folder and a Python environment below /root can be reached. Where the capability is missing, the
servers' state goes to a folder outside the home. As an ordinary user they run as that user.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from contentserver.embedded.errors import CannotRun

LENT = "nobody"
OUTSIDE = Path("/var/tmp")  # noqa: S108 - the folder made in it is checked to be ours


@dataclass(frozen=True, slots=True)
class Account:
    """`uid` and `gid` own the servers' folders; `prefix` comes before their command lines.

    `state` is where their data lies; `copied` is where programs must be copied to be reached,
    usually None.
    """

    uid: int
    gid: int
    prefix: tuple[str, ...]
    state: Path
    copied: Path | None = None

    def make_private(self, folder: Path) -> None:
        """Make `folder` for the servers' data: theirs, 0700."""
        self._make(folder, self.gid, 0o700)

    def make_shared(self, folder: Path) -> None:
        """Make `folder` for sockets, open to the servers and to us and to nobody else.

        Sockets made in it take its group, which is ours; so no capability is needed to reach them.
        """
        ours = os.getegid()
        self._make(folder, ours, 0o2770 if os.geteuid() != self.uid else 0o700)

    def _make(self, folder: Path, gid: int, mode: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != self.uid:
            os.chown(folder, self.uid, gid)
        folder.chmod(mode)


def choose_account(home: Path, program: Path) -> Account:
    """The account for a server whose program is `program`. Raises CannotRun when no account will
    do.
    """
    setpriv = find_setpriv()
    if os.geteuid() != 0:
        _check_name()
        return Account(os.geteuid(), os.getegid(), (setpriv, "--pdeathsig", "INT"), home)
    lent = pwd.getpwnam(LENT)
    smaller = (setpriv, f"--reuid={lent.pw_uid}", f"--regid={lent.pw_gid}", "--clear-groups")
    reaching = (*smaller, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    ending = ("--pdeathsig", "INT")
    if _can_run((*reaching, *ending), program, home):
        return Account(lent.pw_uid, lent.pw_gid, (*reaching, *ending), home)
    if not _runs((*smaller, *ending, "/bin/true")):
        raise CannotRun(
            f"PostgreSQL refuses to run as root, and root cannot become {LENT} here. "
            "Run as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own."
        )
    return _outside(home, program, Account(lent.pw_uid, lent.pw_gid, (*smaller, *ending), home))


def find_setpriv() -> str:
    """The program that gives a child its parent-death signal. Raises CannotRun."""
    found = shutil.which("setpriv")
    if found is None:
        raise CannotRun("setpriv is missing; it is part of util-linux.")
    return found


def _check_name() -> None:
    """initdb asks the system for the name of its user, and ends where there is none."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise CannotRun(
            f"the user id {os.geteuid()} has no name in /etc/passwd, and PostgreSQL wants one. "
            "Run as a user that has, or set DATABASE_URL to a PostgreSQL server of your own."
        ) from None


def _outside(home: Path, program: Path, account: Account) -> Account:
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    state = OUTSIDE / f"contentserver-{name}"
    state.mkdir(mode=0o711, exist_ok=True)
    if state.is_symlink() or state.stat().st_uid != os.geteuid():
        raise CannotRun(f"{state} belongs to somebody else. Remove it, or set DATABASE_URL.")
    state.chmod(0o711)
    copied = None if _can_run(account.prefix, program, state) else state / "programs"
    if copied is not None:
        # The account reaches it as one of the others, whatever our umask.
        copied.mkdir(exist_ok=True)
        copied.chmod(0o711)
    print(f"no capability dac_override: PostgreSQL and Valkey keep their state in {state}")
    return Account(account.uid, account.gid, account.prefix, state, copied)


def _can_run(prefix: tuple[str, ...], program: Path, folder: Path) -> bool:
    """Whether the account reaches both the folder of state and the program.

    Not by `test -x`: access(2) asks for the real user and leaves the capability out.
    """
    return _runs((*prefix, "ls", "-d", f"{folder}/.")) and _runs(
        (*prefix, str(program), "--version")
    )


def _runs(command: tuple[str, ...]) -> bool:
    quiet = subprocess.DEVNULL
    return subprocess.run(command, check=False, cwd="/", stdout=quiet, stderr=quiet).returncode == 0
