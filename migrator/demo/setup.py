"""The migrator's part of the demo: legacy database, source, old URL, and who may use them."""

import datetime as dt
import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.db import connection, transaction

from contentserver.catalog.models import Collection, LayoutRequest
from contentserver.catalog.services import create_collection
from contentserver.conf import Config
from contentserver.operations.layout_sync import request_year
from migrator.demo import tables
from migrator.demo.database import make_database
from migrator.demo.pictures import photo
from migrator.demo.secret_files import write_secret
from migrator.demo.source import OLD_URL, READER, TOML
from migrator.demo.writer import APPLICATION, COLLECTION, KEY_FILE, SOURCE
from migrator.legacy import capture
from migrator.models import Source
from migrator.services.exchange import import_source
from migrator.services.sources import get_description
from skold.models import ApiKey, Client
from skold.services import create_client, give_grant, issue_api_key, revoke_api_key

ACTOR = "initialise"
PHOTOS = 300
FIRST_YEAR = 2024
ROOT = "root-1"  # that of the first layout
LOOPBACK = ("127.0.0.0/8", "::1/128")


def set_up(config: Config) -> dict[str, str]:
    """Make what is missing; returns what demo.json gains. Safe to repeat. Raises DemoSkipped."""
    dsn = _legacy_database(config)
    with transaction.atomic():
        _collection()
        _reader()
        _office(config)
        _years(config)
        if not Source.objects.filter(pk=SOURCE).exists():
            import_source(actor=ACTOR, text=TOML)
    _install_capture(dsn)
    example = OLD_URL.replace("{id}", "1")
    return {
        "legacy_source": SOURCE,
        "legacy_dsn": dsn,
        "legacy_url_example": f"{config.public_url}{example}",
    }


def follow_server(config: Config) -> str | None:
    """Write the DSN anew for where the server is now; None where the operator took it away."""
    file = _dsn_file(config)
    return _make(file) if file.exists() else None


def _legacy_database(config: Config) -> str:
    dsn = _make(_dsn_file(config))
    with psycopg.connect(dsn, autocommit=True) as legacy:
        tables.fill(legacy, _photos())
    return dsn


def _make(dsn_file: Path) -> str:
    parameters = connection.get_connection_params()
    wanted = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert")
    here = {name: parameters[name] for name in wanted if parameters.get(name)}
    with psycopg.connect(**here, autocommit=True) as server:
        return make_database(server, dsn_file)


def _dsn_file(config: Config) -> Path:
    return config.home / "secrets" / "legacy" / f"{SOURCE}.dsn"


def _photos() -> Iterator[tables.Photo]:
    """Each changed last at some moment of these years, the newer ones later."""
    chance = random.Random(1)  # noqa: S311 - nothing secret
    begin = dt.datetime(FIRST_YEAR, 1, 2, tzinfo=dt.UTC)
    span = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1) - begin
    moments = sorted(begin + span * chance.random() for _ in range(PHOTOS))
    for number, moment in enumerate(moments, start=1):
        yield number, moment.replace(microsecond=0), photo(number)


def _collection() -> None:
    if not Collection.objects.filter(name=COLLECTION).exists():
        rules = {"description": "From the old photo application", "inline_types": ["image/*"]}
        create_collection(actor=ACTOR, name=COLLECTION, rules=rules)


def _reader() -> None:
    """Who the callers of old URLs are: they never had a credential, but they have an address."""
    if not Client.objects.filter(id=READER).exists():
        client = create_client(
            actor=ACTOR, id=READER, name="Callers of old photo URLs", address_ranges=LOOPBACK
        )
        give_grant(actor=ACTOR, client=client, collection=COLLECTION, actions=["read"])


def _office(config: Config) -> None:
    """The old application's own client, for the day it is switched."""
    client = Client.objects.filter(id=APPLICATION).first()
    if client is None:
        client = create_client(actor=ACTOR, id=APPLICATION, name="Photo office")
        given = ["read", "write", "delete", "list"]
        give_grant(actor=ACTOR, client=client, collection=COLLECTION, actions=given)
    for key in ApiKey.objects.filter(client=client, label=KEY_FILE, revoked_at=None):
        revoke_api_key(actor=ACTOR, key=key)
    issued = issue_api_key(actor=ACTOR, client=client, label=KEY_FILE)
    write_secret(config.home / "secrets" / KEY_FILE, issued.plaintext)


def _years(config: Config) -> None:
    """Imports go to the year of a photo's last change."""
    this_year = dt.datetime.now(config.time_zone).year
    for year in range(FIRST_YEAR, this_year):
        if not LayoutRequest.objects.filter(year=year).exists():
            request_year(actor=ACTOR, year=year, root=ROOT, importing=True)


def _install_capture(dsn: str) -> None:
    description = get_description(Source.objects.get(pk=SOURCE))
    with psycopg.connect(dsn) as legacy:
        capture.install(legacy, description)
