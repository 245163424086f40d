"""Every setting of the product, read from the environment in this one place. Imports no Django.

Times are seconds, sizes are bytes. Names of variables are part of the interface (docs/operations.md).
"""

import functools
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from environs import Env


@dataclass(frozen=True, slots=True)
class Config:
    """Where things lie and how patient the server is. Paths are absolute."""

    home: Path
    node: str
    institution: str
    time_zone: ZoneInfo
    public_url: str
    host: str
    port: int
    workers: int
    roots: tuple[Path, ...]
    published: Path
    keys: Path
    data_root_key: Path
    bridge_root_key: Path
    journal_dirs: tuple[Path, ...]
    ledger: Path
    metrics: Path
    policy_max_age: int
    upload_expiry: int
    body_idle: float
    body_minimum_rate: int
    max_connections: int
    database_url: str
    broker_url: str
    debug: bool

    @property
    def policy(self) -> Path:
        return self.published / "policy.json"

    @property
    def layout(self) -> Path:
        return self.published / "layout.json"

    @property
    def data_keyset(self) -> Path:
        return self.keys / "data.keyset"

    @property
    def bridge_keyset(self) -> Path:
        return self.keys / "bridge.keyset"

    @property
    def erasure_keys(self) -> Path:
        return self.keys / "erasure"


def read_config(env: Env | None = None) -> Config:
    """Read the environment once more; `config()` is the shared, cached reading.

    Raises environs.EnvError naming the variable whose value cannot be used.
    """
    env = env or Env()
    home = Path(env.str("CONTENTSERVER_HOME", "var")).absolute()
    port = env.int("CONTENTSERVER_PORT", 8000)
    return Config(
        home=home,
        node=env.str("CONTENTSERVER_NODE", "node-1"),
        institution=env.str("CONTENTSERVER_INSTITUTION", "example.org"),
        time_zone=ZoneInfo(env.str("CONTENTSERVER_TIME_ZONE", "UTC")),
        public_url=env.str("CONTENTSERVER_URL", f"http://127.0.0.1:{port}").rstrip("/"),
        host=env.str("CONTENTSERVER_HOST", "127.0.0.1"),
        port=port,
        workers=env.int("CONTENTSERVER_WORKERS", 1),
        roots=_paths(env, "CONTENTSERVER_ROOTS", home / "root-1"),
        published=_path(env, "CONTENTSERVER_PUBLISHED", home / "published"),
        keys=_path(env, "CONTENTSERVER_KEYS", home / "keys"),
        data_root_key=_path(env, "CONTENTSERVER_DATA_ROOT_KEY_FILE", home / "secrets" / "data.rootkey"),
        bridge_root_key=_path(env, "CONTENTSERVER_BRIDGE_ROOT_KEY_FILE", home / "secrets" / "bridge.rootkey"),
        journal_dirs=_paths(env, "SKOLD_JOURNAL_DIRS", home / "journal"),
        ledger=_path(env, "SKOLD_LEDGER", home / "ledger"),
        metrics=_path(env, "CONTENTSERVER_METRICS", home / "run" / "metrics"),
        policy_max_age=env.int("SKOLD_POLICY_MAX_AGE", 14 * 86_400),
        upload_expiry=env.int("CONTENTSERVER_UPLOAD_EXPIRY", 86_400),
        body_idle=env.float("CONTENTSERVER_BODY_IDLE", 30.0),
        body_minimum_rate=env.int("CONTENTSERVER_BODY_MINIMUM_RATE", 1024),
        max_connections=env.int("CONTENTSERVER_MAX_CONNECTIONS", 2000),
        database_url=env.str("DATABASE_URL", f"postgresql://contentserver@/contentserver?host={home}/run"),
        broker_url=env.str("BROKER_URL", f"redis+socket://{home}/run/valkey.sock"),
        debug=env.bool("CONTENTSERVER_DEBUG", False),
    )


@functools.cache
def config() -> Config:
    """The process's configuration, read at first use."""
    return read_config()


def _path(env: Env, name: str, default: Path) -> Path:
    return Path(env.str(name, str(default))).absolute()


def _paths(env: Env, name: str, default: Path) -> tuple[Path, ...]:
    return tuple(Path(entry).absolute() for entry in env.list(name, [str(default)]))
