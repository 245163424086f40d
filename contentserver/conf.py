"""Every setting of the product, read from the environment in this one place. Imports no Django.

Times are seconds, sizes are bytes. Names of variables are part of the interface
(docs/operations.md).
"""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from environs import Env, validate

from skold.anchors.ways import Mailing, Security, Ways
from skold.thresholds import Thresholds

SERVERS_FILE = "servers.json"
_REVIEW = (
    *("SKOLD_REVIEW_REFUSALS", "SKOLD_REVIEW_REFUSALS_MINUTES"),
    *("SKOLD_REVIEW_GUESSES", "SKOLD_REVIEW_GUESSES_MINUTES"),
    *("SKOLD_REVIEW_BURST_MINIMUM", "SKOLD_REVIEW_BURST_FACTOR"),
    *("SKOLD_REVIEW_BURST_DAYS", "SKOLD_REVIEW_BURST_HOURS", "SKOLD_REVIEW_LEARNING_DAYS"),
    *("SKOLD_REVIEW_STILL_MINUTES", "SKOLD_REVIEW_UNANCHORED_HOURS"),
)
"""One for each field of Thresholds, where its default stands."""
RUN_FOLDER = "run"
DATABASE_USERS = ("BRIDGE_DATABASE_URL", "OWNER_DATABASE_URL", "ARCHIVER_DATABASE_URL")


@dataclass(frozen=True, slots=True)
class Config:
    """Where things lie and how patient the server is. Paths are absolute."""

    home: Path
    node: str
    institution: str
    time_zone: ZoneInfo
    language: str
    public_url: str
    hosts: tuple[str, ...]
    host: str
    port: int
    workers: int
    trusted_proxies: tuple[str, ...]
    second_factor: str
    roots: tuple[Path, ...]
    published: Path
    keys: Path
    data_root_key: Path
    bridge_root_key: Path
    journal_dirs: tuple[Path, ...]
    ledger: Path
    archive: Path
    audit_retention_months: int
    anchors: tuple[str, ...]
    review: Thresholds
    anchor_interval: float
    anchor_ways: Ways
    person_issuers: tuple[str, ...]
    metrics: Path
    static: Path | None
    policy_max_age: int
    export_limit: int
    address_limit: int
    guessing_alarm: int
    upload_expiry: int
    cors_origins: tuple[str, ...]
    commit_checks: tuple[str, ...]
    clamd: str
    body_idle: float
    body_minimum_rate: int
    max_connections: int
    fallback: str
    database_url: str
    bridge_database_url: str
    owner_database_url: str
    archiver_database_url: str
    database_pool: int
    database_timeout: float
    broker_url: str
    log_level: str
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

    @property
    def verification(self) -> Path:
        """Results of the ledger's verifications, and where the next one goes on."""
        return self.home / "verification"

    @property
    def django_key(self) -> Path:
        return self.home / "secrets" / "django.key"

    @property
    def run(self) -> Path:
        """Sockets and process state of the embedded servers; nothing in it outlives a stop."""
        return self.home / RUN_FOLDER


def read_config(env: Env | None = None) -> Config:
    """Read the environment once more; `config()` is the shared, cached reading.

    Raises environs.EnvError naming the variable whose value cannot be used.
    """
    env = env or Env()
    home = Path(env.str("CONTENTSERVER_HOME", "var")).absolute()
    port = env.int("CONTENTSERVER_PORT", 8000)
    public_url = env.str("CONTENTSERVER_URL", f"http://127.0.0.1:{port}").rstrip("/")
    urls = _server_urls(env, home)
    return Config(
        home=home,
        node=env.str("CONTENTSERVER_NODE", "node-1"),
        institution=env.str("CONTENTSERVER_INSTITUTION", "example.org"),
        time_zone=ZoneInfo(env.str("CONTENTSERVER_TIME_ZONE", "UTC")),
        language=env.str("CONTENTSERVER_LANGUAGE", "en"),
        public_url=public_url,
        hosts=_words(env, "CONTENTSERVER_HOSTS"),
        host=env.str("CONTENTSERVER_HOST", "127.0.0.1"),
        port=port,
        workers=env.int("CONTENTSERVER_WORKERS", 1),
        trusted_proxies=_words(env, "CONTENTSERVER_TRUSTED_PROXIES"),
        second_factor=env.str(
            "CONTENTSERVER_SECOND_FACTOR",
            "optional" if _is_loopback(public_url) else "required",
            validate=validate.OneOf(("required", "optional")),
        ),
        roots=_paths(env, "CONTENTSERVER_ROOTS", home / "root-1"),
        published=_path(env, "CONTENTSERVER_PUBLISHED", home / "published"),
        keys=_path(env, "CONTENTSERVER_KEYS", home / "keys"),
        data_root_key=_path(
            env, "CONTENTSERVER_DATA_ROOT_KEY_FILE", home / "secrets" / "data.rootkey"
        ),
        bridge_root_key=_path(
            env, "CONTENTSERVER_BRIDGE_ROOT_KEY_FILE", home / "secrets" / "bridge.rootkey"
        ),
        journal_dirs=_paths(env, "SKOLD_JOURNAL_DIRS", home / "journal"),
        ledger=_path(env, "SKOLD_LEDGER", home / "ledger"),
        archive=_path(env, "AUDIT_ARCHIVE", home / "archive"),
        audit_retention_months=env.int("AUDIT_RETENTION_MONTHS", 0),
        anchors=_words(env, "SKOLD_ANCHORS"),
        person_issuers=_words(env, "SKOLD_PERSON_ISSUERS"),
        review=_thresholds(env),
        anchor_interval=env.float("SKOLD_ANCHOR_INTERVAL", 3600.0),
        anchor_ways=_anchor_ways(env),
        metrics=_path(env, "CONTENTSERVER_METRICS", home / RUN_FOLDER / "metrics"),
        static=_find_path(env, "CONTENTSERVER_STATIC"),
        policy_max_age=env.int("SKOLD_POLICY_MAX_AGE", 14 * 86_400),
        export_limit=env.int("SKOLD_EXPORT_LIMIT", 100_000, validate=validate.Range(min=1)),
        address_limit=env.int("SKOLD_ADDRESS_LIMIT", 20_000, validate=validate.Range(min=0)),
        guessing_alarm=env.int("SKOLD_GUESSING_ALARM", 100, validate=validate.Range(min=0)),
        upload_expiry=env.int("CONTENTSERVER_UPLOAD_EXPIRY", 86_400),
        cors_origins=_words(env, "CONTENTSERVER_CORS_ORIGINS"),
        commit_checks=_words(env, "CONTENTSERVER_COMMIT_CHECKS"),
        clamd=env.str("CONTENTSERVER_CLAMD", ""),
        body_idle=env.float("CONTENTSERVER_BODY_IDLE", 30.0),
        body_minimum_rate=env.int("CONTENTSERVER_BODY_MINIMUM_RATE", 1024),
        max_connections=env.int("CONTENTSERVER_MAX_CONNECTIONS", 2000),
        fallback=env.str("CONTENTSERVER_FALLBACK", "migrator.fallback.Fallback"),
        database_url=urls["DATABASE_URL"],
        bridge_database_url=urls["BRIDGE_DATABASE_URL"],
        owner_database_url=urls["OWNER_DATABASE_URL"],
        archiver_database_url=urls["ARCHIVER_DATABASE_URL"],
        database_pool=env.int("CONTENTSERVER_DATABASE_POOL", 8),
        database_timeout=env.float("CONTENTSERVER_DATABASE_TIMEOUT", 2.0),
        broker_url=urls["BROKER_URL"],
        log_level=env.str("CONTENTSERVER_LOG_LEVEL", "INFO").upper(),
        debug=env.bool("CONTENTSERVER_DEBUG", False),
    )


@functools.cache
def config() -> Config:
    """The process's configuration, read at first use."""
    return read_config()


def django_secret_key(settings: Config, env: Env | None = None) -> str:
    """The key of Django's signatures: DJANGO_SECRET_KEY, else the file of the first start, else "".

    Empty is refused by a system check that says what to do; a command that creates it must be able
    to start.
    """
    given = (env or Env()).str("DJANGO_SECRET_KEY", "")
    if given:
        return given
    try:
        return settings.django_key.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""


def _server_urls(env: Env, home: Path) -> dict[str, str]:
    """What the environment names; else the embedded servers that run for this home, as they wrote
    it down. Where only DATABASE_URL is named, its user is that of every process.
    """
    written = _written_by_the_embedded_servers(home)
    run = quote(str(home / RUN_FOLDER))
    database = written.get("database_url", f"postgresql://contentserver@/contentserver?host={run}")
    broker = written.get("broker_url", f"redis+socket://{run}/valkey.sock")
    urls = {
        "DATABASE_URL": env.str("DATABASE_URL", "") or database,
        "BROKER_URL": env.str("BROKER_URL", "") or broker,
    }
    beside = {} if env.str("DATABASE_URL", "") else written
    for name in DATABASE_USERS:
        urls[name] = env.str(name, "") or beside.get(name.lower(), urls["DATABASE_URL"])
    return urls


def _written_by_the_embedded_servers(home: Path) -> dict[str, str]:
    try:
        raw = (home / RUN_FOLDER / SERVERS_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    found: dict[str, str] = json.loads(raw)
    return found


def _anchor_ways(env: Env) -> Ways:
    mailing = Mailing(
        host=env.str("SKOLD_SMTP_HOST", ""),
        port=env.int("SKOLD_SMTP_PORT", 587),
        security=env.enum("SKOLD_SMTP_SECURITY", Security.STARTTLS, enum=Security, by_value=True),
        sender=env.str("SKOLD_SMTP_FROM", ""),
        user=env.str("SKOLD_SMTP_USER", ""),
        password_file=_find_path(env, "SKOLD_SMTP_PASSWORD_FILE"),
    )
    return Ways(
        mailing=mailing,
        tokens_file=_find_path(env, "SKOLD_ANCHOR_TOKENS_FILE"),
        stamp_ca_file=_find_path(env, "SKOLD_ANCHOR_CA_FILE"),
    )


def _thresholds(env: Env) -> Thresholds:
    given = {name: env.int(name, None, validate=validate.Range(min=1)) for name in _REVIEW}
    return Thresholds(
        **{
            name.split("_", 2)[2].lower(): value
            for name, value in given.items()
            if value is not None
        }
    )


def _path(env: Env, name: str, default: Path) -> Path:
    return Path(env.str(name, str(default))).absolute()


def _find_path(env: Env, name: str) -> Path | None:
    given = env.str(name, "")
    return Path(given).absolute() if given else None


def _paths(env: Env, name: str, default: Path) -> tuple[Path, ...]:
    return tuple(Path(entry).absolute() for entry in env.list(name, [str(default)]))


def _is_loopback(url: str) -> bool:
    """Whether an address is for this machine alone, as that of `make run`."""
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


def _words(env: Env, name: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in env.str(name, "").split(",") if word.strip())
