"""As whom a process speaks to PostgreSQL. Imports no Django: chosen before the settings are read.

Web processes and the worker cannot touch the audit's copy, the bridge only adds to it, the owner
makes tables, the archiver puts months away (skold.database_roles says what each may do). A
deployment that names one address has one user for all.
"""

import enum

from contentserver.conf import Config


class DatabaseUser(enum.Enum):
    """A kind of process, and the variable with its address."""

    WEB = "DATABASE_URL"
    BRIDGE = "BRIDGE_DATABASE_URL"
    OWNER = "OWNER_DATABASE_URL"
    ARCHIVER = "ARCHIVER_DATABASE_URL"


USER_OF_COMMAND = {
    "migrate": DatabaseUser.OWNER,
    "initialise": DatabaseUser.OWNER,
    "demo_legacy": DatabaseUser.OWNER,
    "flush": DatabaseUser.OWNER,
    "run_bridge": DatabaseUser.BRIDGE,
    "archive_audit": DatabaseUser.ARCHIVER,
    "rebuild_ledger": DatabaseUser.ARCHIVER,
}
"""Commands of manage.py that need more than the web may. Every other one is the web's."""

_chosen = DatabaseUser.WEB


def choose(command: str) -> None:
    """From now on this process is the user that the command needs. Call it before Django's settings
    are read."""
    global _chosen
    _chosen = USER_OF_COMMAND.get(command, DatabaseUser.WEB)


def chosen() -> DatabaseUser:
    """Whom this process is."""
    return _chosen


def address_of(config: Config, user: DatabaseUser) -> str:
    """The address with which that user connects."""
    return {
        DatabaseUser.WEB: config.database_url,
        DatabaseUser.BRIDGE: config.bridge_database_url,
        DatabaseUser.OWNER: config.owner_database_url,
        DatabaseUser.ARCHIVER: config.archiver_database_url,
    }[user]
